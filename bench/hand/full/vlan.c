/* TCP to port 22 in VLAN 100 dropped: a tag of any kind, perhaps a second one, IPv4 or IPv6 with all that it may bring. */
#include "full.h"

SEC("xdp") int hand(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, *p = data + 14;
	u16 *port;

	if (p + 4 > end || !is_tag(*(u16 *)(p - 2)) || (*(u16 *)p & htons(0xfff)) != htons(100))
		goto pass;
	u16 type = *(u16 *)(p + 2);

	p += 4;
	if (unlikely(is_tag(type))) {
		if (p + 4 > end)
			goto pass;
		type = *(u16 *)(p + 2);
		p += 4;
	}
	if (likely(type == htons(ETH_P_IP))) {
		if (p + 20 > end)
			goto pass;
		port = transport4(p, IPPROTO_TCP);
	} else if (type == htons(ETH_P_IPV6)) {
		port = transport6(ctx, p, end, IPPROTO_TCP);
	} else {
		goto pass;
	}
	if (port && (void *)(port + 2) <= end && port[1] == htons(22))
		return decide(ctx, 0, XDP_DROP);
pass:
	return decide(ctx, 1, XDP_PASS);
}
