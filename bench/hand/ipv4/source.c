/* One source dropped: untagged IPv4 only. */
#include "hand.h"

SEC("xdp") int hand(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);

	if ((void *)(ip + 1) <= end && likely(eth->h_proto == htons(ETH_P_IP)) && ip->saddr == htonl(0xc0000201))
		return decide(ctx, 0, XDP_DROP);
	return decide(ctx, 1, XDP_PASS);
}
