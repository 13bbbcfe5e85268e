/* Ten connections dropped: behind tags and IPv4 options too. Their addresses are IPv4, so nothing else can match. */
#include "full.h"
#include "five_tuples.h"

SEC("xdp") int hand(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, *p = data + 14;

	if (p > end)
		goto pass;
	u16 type = *(u16 *)(p - 2);

	if (unlikely(type != htons(ETH_P_IP)) && (!(p = behind_tags(p, end, &type)) || type != htons(ETH_P_IP)))
		goto pass;
	struct iphdr *ip = p;

	if ((void *)(ip + 1) > end)
		goto pass;
	u8 first = *(u8 *)p;

	if (first < 0x45 || first > 0x4f || ip->frag_off & htons(0x1fff))
		goto pass;
	u32 *ports = p + (first & 15) * 4;

	if ((void *)(ports + 1) > end)
		goto pass;
	/* The protocol last: of everyday traffic no branch before it is hard to foresee. */
	u32 rule = rule_of(ip->saddr, ip->daddr, *ports);

	if (rule < 10 && ip->protocol == IPPROTO_TCP)
		return decide(ctx, rule, XDP_DROP);
pass:
	return decide(ctx, 10, XDP_PASS);
}
