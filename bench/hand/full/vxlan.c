/* TCP to port 80 inside VXLAN 10 dropped: tags, options, IPv6 and its extension headers, outside and inside. */
#include "full.h"

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
