/* TCP to port 80 inside VXLAN 10 dropped: untagged IPv4 without options, outside and inside. */
#include "hand.h"

SEC("xdp") int hand(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct udphdr *udp = (void *)(ip + 1);
	struct vxlanhdr *vxlan = (void *)(udp + 1);
	struct ethhdr *inner = (void *)(vxlan + 1);
	struct iphdr *inner_ip = (void *)(inner + 1);
	struct tcphdr *tcp = (void *)(inner_ip + 1);

	if ((void *)(tcp + 1) > end || eth->h_proto != htons(ETH_P_IP) || ip->protocol != IPPROTO_UDP || ip->ihl != 5 ||
	    ip->frag_off & htons(0x1fff) || udp->dest != htons(4789) || (vxlan->vx_vni & htonl(0xffffff00)) != htonl(10 << 8))
		return decide(ctx, 1, XDP_PASS);
	if (inner->h_proto == htons(ETH_P_IP) && inner_ip->protocol == IPPROTO_TCP && inner_ip->ihl == 5 &&
	    !(inner_ip->frag_off & htons(0x1fff)) && tcp->dest == htons(80))
		return decide(ctx, 0, XDP_DROP);
	return decide(ctx, 1, XDP_PASS);
}
