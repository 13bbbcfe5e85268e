/* One source dropped: up to two tags, IPv4, and the sender of ARP and RARP. */
#include "full.h"

SEC("xdp") int hand(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, *p = data + 14;
	u32 *source;

	if (p > end)
		goto pass;
	u16 type = *(u16 *)(p - 2);

	if (unlikely(type != htons(ETH_P_IP)) && !(p = behind_tags(p, end, &type)))
		goto pass;
	if (likely(type == htons(ETH_P_IP)))
		source = p + 12;
	else if (type == htons(ETH_P_ARP) || type == htons(ETH_P_RARP))
		source = p + 14;
	else
		goto pass;
	if ((void *)(source + 1) <= end && *source == htonl(0xc0000201))
		return decide(ctx, 0, XDP_DROP);
pass:
	return decide(ctx, 1, XDP_PASS);
}
