/* Ten connections dropped: untagged IPv4 only. */
#include "hand.h"
#include "five_tuples.h"

SEC("xdp") int hand(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);

	if ((void *)(ip + 1) > end || eth->h_proto != htons(ETH_P_IP) ||
	    ip->frag_off & htons(0x1fff))
		return decide(ctx, 10, XDP_PASS);
	u32 *ports = (void *)ip + ip->ihl * 4;

	if ((void *)(ports + 1) > end)
		return decide(ctx, 10, XDP_PASS);
	u32 rule = rule_of(ip->saddr, ip->daddr, *ports);

	if (rule < 10 && ip->protocol == IPPROTO_TCP)
		return decide(ctx, rule, XDP_DROP);
	return decide(ctx, 10, XDP_PASS);
}
