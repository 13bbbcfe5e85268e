/* examples/edge.pf by hand, with all of its meaning: the checks of `malformed`, tags, options, IPv6, fragments. */
#include "full.h"

enum { KNOWN = 1, BAD = 2, FRAGMENT = 4, NOTHING = 256 };
enum {
	MANGLED, RESOLUTION, NEIGHBOURS, TELNET, TENANT, CUSTOMER, NOT_WEB, STRAY, PING, SSH, INTRUDER, PUBLIC, DEFAULT,
	BY_NAME_MALFORMED, BY_NAME_STRAY, BY_NAME_REFUSED
};

#define WALKED(found, type, at) ((found) << 24 | (type) << 16 | (at))

/*
 * The extension headers from offset `at` on, the first of type `type`, of an IPv6 packet that ends at `ip_end`
 * and by its own length field at `own_end`. KNOWN: the transport's type and place are.
 */
__attribute__((noinline)) u32 walk_extensions(struct xdp_md *ctx, u32 at, u32 type, u32 ip_end, u32 own_end)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	u32 found = 0;

	_Pragma("clang loop unroll(disable)") for (int i = 0; i < 8; i++) {
		if (at > FRAME_MAX)
			return WALKED(BAD, 0, 0);
		u8 *p = data + at;

		if ((void *)p + 4 > end)
			return WALKED(BAD, 0, 0);
		u32 size = type == NEXTHDR_AUTH ? (p[1] + 2) * 4 : (p[1] + 1) * 8;

		if (type == NEXTHDR_FRAGMENT) {
			u16 place = ntohs(*(u16 *)(p + 2));

			size = 8;
			if (place & 0xfff9) {
				found |= FRAGMENT;
				if (own_end > at + 8 && (place & 0xfff8) + own_end - at - 8 > 65535)
					found |= BAD;
			}
			if (place & 0xfff8)
				return WALKED(at + 8 > ip_end ? found | BAD : found, 0, 0);
		}
		type = p[0];
		at += size;
		if (at > ip_end)
			found |= BAD;
		if (!is_extension(type))
			return at > FRAME_MAX ? WALKED(BAD, 0, 0) : WALKED(found | KNOWN, type, at);
	}
	return WALKED(BAD, 0, 0);
}

INLINE int is_web(u16 port)
{
	return port == 80 || port == 443 || (u32)(port - 8000) <= 80;
}

/* Two counters for one reason: the rule's and the one that it names. */
INLINE int decide_named(struct xdp_md *ctx, u32 reason, u32 name)
{
	(void)decide(ctx, name, XDP_DROP);
	return decide(ctx, reason, XDP_DROP);
}

SEC("xdp") int hand(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, *p = data + 14;
	u32 proto = NOTHING, fragment = 0, vid = NOTHING << 8, from_mgmt = 0;
	u16 port = 0;
	long left, room;

	if (p > end)
		goto mangled;
	u16 type = *(u16 *)(p - 2);

	if (unlikely(type != htons(ETH_P_IP) && is_tag(type))) {
		if (p + 4 > end)
			goto mangled;
		vid = ntohs(*(u16 *)p) & 0xfff;
		type = *(u16 *)(p + 2);
		p += 4;
		if (is_tag(type)) {
			if (p + 4 > end)
				goto mangled;
			type = *(u16 *)(p + 2);
			p += 4;
			if (is_tag(type))
				goto mangled;
		}
	}
	room = end - p;
	if (type == htons(ETH_P_IP)) {
		struct iphdr *ip = p;
		u8 first;

		if ((void *)(ip + 1) > end)
			goto mangled;
		first = *(u8 *)p;
		long header = (first & 15) * 4, total = ntohs(ip->tot_len);
		u16 place = ntohs(ip->frag_off);

		if (first < 0x45 || first > 0x4f || total < header || total > room)
			goto mangled;
		left = total - header;
		fragment = place & 0x3fff;
		if (unlikely(fragment) && (place & 0x1fff) * 8 + left > 65535)
			goto mangled;
		if (!(place & 0x1fff))
			proto = ip->protocol;
		from_mgmt = (ip->saddr & htonl(0xffff0000)) == htonl(0x0a140000);
		p += header;
	} else if (type == htons(ETH_P_IPV6)) {
		if (p + 40 > end || *(u8 *)p >> 4 != 6)
			goto mangled;
		long length = ntohs(*(u16 *)(p + 4));

		proto = *(u8 *)(p + 6);
		from_mgmt = *(u32 *)(p + 8) == htonl(0x20010db8) && *(u16 *)(p + 12) == htons(0x20);
		room -= 40;
		if (length > room)
			goto mangled;
		left = length || proto ? length : room;
		p += 40;
		if (unlikely(is_extension(proto))) {
			u64 at = (u64)(p - data);

			asm volatile("" : "+r"(at));
			u32 r = walk_extensions(ctx, at, proto, at + left, at + length), found = r >> 24;

			if (found & BAD)
				goto mangled;
			proto = NOTHING;
			if (found & KNOWN) {
				proto = r >> 16 & 0xff;
				left -= (r & FRAME_MAX) - at;
				p = data + (r & FRAME_MAX);
			}
			fragment = found & FRAGMENT;
		}
	} else if (type == htons(ETH_P_ARP) || type == htons(ETH_P_RARP)) {
		if (p + 8 > end || room < 8 + 2 * (*(u8 *)(p + 4) + *(u8 *)(p + 5)))
			goto mangled;
		if (type == htons(ETH_P_ARP))
			return decide(ctx, RESOLUTION, XDP_PASS);
		goto tags;
	} else {
		goto tags;
	}
	/* However p came here, it is an offset under a bound: the verifier's paths meet. */
	u64 at = (u64)(p - data);

	asm volatile("" : "+r"(at));
	if (at > FRAME_MAX)
		goto mangled;
	p = data + at;
	if (proto == IPPROTO_TCP) {
		struct tcphdr *tcp = p;

		if (left < 20 || (void *)(tcp + 1) > end || tcp->doff < 5 || tcp->doff * 4 > left)
			goto mangled;
		port = ntohs(tcp->dest);
	} else if (proto == IPPROTO_UDP) {
		struct udphdr *udp = p;

		if (left < 8 || (void *)(udp + 1) > end)
			goto mangled;
		u32 length = ntohs(udp->len);

		if (length < 8 || (length > left && !fragment))
			goto mangled;
		if (udp->dest == htons(4789)) {
			struct vxlanhdr *vxlan = (void *)(udp + 1);

			if (left < 9 || (void *)vxlan + 1 > end)
				goto mangled;
			if (*(u8 *)vxlan & 8) {
				if (left < 16 || (void *)(vxlan + 1) > end)
					goto mangled;
				if ((vxlan->vx_vni & htonl(0xffffff00)) == htonl(5001 << 8)) {
					u16 *inner = transport(ctx, p + 16, end, IPPROTO_TCP);

					if (inner && (void *)(inner + 2) <= end && inner[1] == htons(23))
						return decide(ctx, TELNET, XDP_DROP);
					return decide(ctx, TENANT, XDP_PASS);
				}
			}
		}
	} else if (proto == IPPROTO_ICMP ? type == htons(ETH_P_IP) : proto == IPPROTO_ICMPV6 && type == htons(ETH_P_IPV6)) {
		if (left < 8 || p + 8 > end)
			goto mangled;
		u8 kind = *(u8 *)p;

		if (proto == IPPROTO_ICMPV6 && (kind == 2 || (u32)(kind - 133) <= 4))
			return decide(ctx, NEIGHBOURS, XDP_PASS);
		if (vid - 1 >= 4094) {
			if (kind == (proto == IPPROTO_ICMP ? 8 : 128))
				return decide(ctx, PING, XDP_PASS);
			return decide(ctx, DEFAULT, XDP_DROP);
		}
	} else if (proto == IPPROTO_SCTP && left < 12) {
		goto mangled;
	}
tags:
	if (vid == 100) {
		if (is_web(port))
			return decide(ctx, CUSTOMER, XDP_PASS);
		return decide(ctx, NOT_WEB, XDP_DROP);
	}
	if (vid - 1 < 4094)
		return decide_named(ctx, STRAY, BY_NAME_STRAY);
	if (port == 22) {
		if (from_mgmt)
			return decide(ctx, SSH, XDP_PASS);
		return decide_named(ctx, INTRUDER, BY_NAME_REFUSED);
	}
	if (is_web(port))
		return decide(ctx, PUBLIC, XDP_PASS);
	return decide(ctx, DEFAULT, XDP_DROP);
mangled:
	return decide_named(ctx, MANGLED, BY_NAME_MALFORMED);
}
