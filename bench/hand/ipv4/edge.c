/* examples/edge.pf by hand as it is often written: IPv4, at most one tag, no options' or fragments' subtleties. */
#include "hand.h"

enum {
	MANGLED, RESOLUTION, NEIGHBOURS, TELNET, TENANT, CUSTOMER, NOT_WEB, STRAY, PING, SSH, INTRUDER, PUBLIC, DEFAULT
};

INLINE int is_web(u16 port)
{
	return port == 80 || port == 443 || (u32)(port - 8000) <= 80;
}

INLINE int is_telnet(void *p, void *end)
{
	struct ethhdr *eth = p;
	struct iphdr *ip = (void *)(eth + 1);
	struct tcphdr *tcp = (void *)(ip + 1);

	return (void *)(tcp + 1) <= end && eth->h_proto == htons(ETH_P_IP) && ip->protocol == IPPROTO_TCP &&
	       tcp->dest == htons(23);
}

SEC("xdp") int hand(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, *p = data + 14;
	u32 vid = 0;
	u16 port = 0;

	if (p > end)
		return decide(ctx, MANGLED, XDP_DROP);
	u16 type = *(u16 *)(p - 2);

	if (type == htons(0x8100)) {
		if (p + 4 > end)
			return decide(ctx, MANGLED, XDP_DROP);
		vid = ntohs(*(u16 *)p) & 0xfff;
		type = *(u16 *)(p + 2);
		p += 4;
	}
	if (type == htons(ETH_P_ARP))
		return decide(ctx, RESOLUTION, XDP_PASS);
	if (type != htons(ETH_P_IP))
		return decide(ctx, DEFAULT, XDP_DROP);
	struct iphdr *ip = p;

	if ((void *)(ip + 1) > end || ip->version != 4 || ip->ihl < 5 || ntohs(ip->tot_len) > end - p)
		return decide(ctx, MANGLED, XDP_DROP);
	p += ip->ihl * 4;
	if (ip->frag_off & htons(0x1fff)) {
		/* no ports here */
	} else if (ip->protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = p;

		if ((void *)(tcp + 1) > end || tcp->doff < 5)
			return decide(ctx, MANGLED, XDP_DROP);
		port = ntohs(tcp->dest);
	} else if (ip->protocol == IPPROTO_UDP) {
		struct udphdr *udp = p;
		struct vxlanhdr *vxlan = (void *)(udp + 1);

		if ((void *)(udp + 1) > end || ntohs(udp->len) < 8)
			return decide(ctx, MANGLED, XDP_DROP);
		if (udp->dest == htons(4789) && (void *)(vxlan + 1) <= end &&
		    (vxlan->vx_vni & htonl(0xffffff00)) == htonl(5001 << 8)) {
			if (is_telnet(vxlan + 1, end))
				return decide(ctx, TELNET, XDP_DROP);
			return decide(ctx, TENANT, XDP_PASS);
		}
	} else if (ip->protocol == IPPROTO_ICMP && !vid) {
		if (p + 8 > end)
			return decide(ctx, MANGLED, XDP_DROP);
		if (*(u8 *)p == 8)
			return decide(ctx, PING, XDP_PASS);
	}
	if (vid == 100) {
		if (is_web(port))
			return decide(ctx, CUSTOMER, XDP_PASS);
		return decide(ctx, NOT_WEB, XDP_DROP);
	}
	if (vid)
		return decide(ctx, STRAY, XDP_DROP);
	if (port == 22) {
		if ((ip->saddr & htonl(0xffff0000)) == htonl(0x0a140000))
			return decide(ctx, SSH, XDP_PASS);
		return decide(ctx, INTRUDER, XDP_DROP);
	}
	if (is_web(port))
		return decide(ctx, PUBLIC, XDP_PASS);
	return decide(ctx, DEFAULT, XDP_DROP);
}
