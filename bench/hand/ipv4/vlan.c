/* TCP to port 22 in VLAN 100 dropped: one tag of 802.1Q, then IPv4. */
#include "hand.h"

SEC("xdp") int hand(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	u16 *tag = data + sizeof(*eth);
	struct iphdr *ip = (void *)(tag + 2);

	if ((void *)(ip + 1) > end || eth->h_proto != htons(0x8100) || (tag[0] & htons(0xfff)) != htons(100) ||
	    tag[1] != htons(ETH_P_IP) || ip->protocol != IPPROTO_TCP || ip->frag_off & htons(0x1fff))
		return decide(ctx, 1, XDP_PASS);
	struct tcphdr *tcp = (void *)ip + ip->ihl * 4;

	if ((void *)(tcp + 1) <= end && tcp->dest == htons(22))
		return decide(ctx, 0, XDP_DROP);
	return decide(ctx, 1, XDP_PASS);
}
