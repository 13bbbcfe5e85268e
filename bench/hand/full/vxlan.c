/* TCP to port 80 inside VXLAN 10 dropped: tags, options, IPv6 and its extension headers, outside and inside. */
#include "full.h"

/* The transport header of protocol `wanted` in the packet whose Ethernet header is at p; NULL when there is none. */
INLINE void *transport(struct xdp_md *ctx, void *p, void *end, u8 wanted)
{
	if (p + 14 > end)
		return 0;
	u16 type = *(u16 *)(p + 12);

	p += 14;
	if (unlikely(type != htons(ETH_P_IP)) && !(p = behind_tags(p, end, &type)))
		return 0;
	if (likely(type == htons(ETH_P_IP)))
		return p + 20 <= end ? transport4(p, wanted) : 0;
	return type == htons(ETH_P_IPV6) ? transport6(ctx, p, end, wanted) : 0;
}

SEC("xdp") int hand(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct udphdr *udp = transport(ctx, data, end, IPPROTO_UDP);

	if (!udp || (void *)udp + 16 > end || udp->dest != htons(4789))
		goto pass;
	struct vxlanhdr *vxlan = (void *)(udp + 1);

	if (!(vxlan->vx_flags & htonl(0x08000000)) || (vxlan->vx_vni & htonl(0xffffff00)) != htonl(10 << 8))
		goto pass;
	/* However it was found, it is an offset under a bound: the verifier's paths meet here. */
	u64 at = (u64)((void *)(vxlan + 1) - data);

	asm volatile("" : "+r"(at));
	if (at > FRAME_MAX)
		goto pass;
	struct tcphdr *tcp = transport(ctx, data + at, end, IPPROTO_TCP);

	if (tcp && (void *)tcp + 4 <= end && tcp->dest == htons(80))
		return decide(ctx, 0, XDP_DROP);
pass:
	return decide(ctx, 1, XDP_PASS);
}
