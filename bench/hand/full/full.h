/* For filters that mean what a rule means: two tags, IPv4 options, up to eight IPv6 extension headers, fragments. */
#include "hand.h"

enum { FRAME_MAX = 0x3fff, NEXTHDR_FRAGMENT = 44, NEXTHDR_AUTH = 51 };

INLINE int is_tag(u16 type)
{
	return type == htons(0x8100) || type == htons(0x88a8) || type == htons(0x9100);
}

/* p: what follows the EtherType *type. Behind at most two tags *type is the packet's; NULL when it cannot be known. */
INLINE void *behind_tags(void *p, void *end, u16 *type)
{
	_Pragma("unroll") for (int i = 0; i < 2; i++) {
		if (!is_tag(*type))
			return p;
		if (p + 4 > end)
			return 0;
		*type = *(u16 *)(p + 2);
		p += 4;
	}
	return is_tag(*type) ? 0 : p;
}

INLINE int is_extension(u32 type)
{
	return (type < 64 && (1ull << type & (1ull | 1ull << 43 | 1ull << 44 | 1ull << 51 | 1ull << 60))) ||
	       type == 135 || type == 139 || type == 140;
}

enum { FOUND = 1 << 24 };

/*
 * Walks the extension headers from offset `at` on, the first of type `type`. Answers FOUND | protocol << 16 | offset of
 * the transport; 0 when there is none to look at: cut short, a later fragment, or more than eight.
 * Not inlined: few packets come here, and it is verified once.
 */
__attribute__((noinline, unused)) u32 behind_extensions(struct xdp_md *ctx, u32 at, u32 type)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	_Pragma("clang loop unroll(disable)") for (int i = 0; i < 8; i++) {
		if (at > FRAME_MAX)
			return 0;
		u8 *p = data + at;

		if ((void *)p + 2 > end)
			return 0;
		u32 size = (p[1] + 1) * 8;

		if (type == NEXTHDR_FRAGMENT) {
			if ((void *)p + 4 > end || *(u16 *)(p + 2) & htons(0xfff8))
				return 0;
			size = 8;
		} else if (type == NEXTHDR_AUTH) {
			size = (p[1] + 2) * 4;
		}
		type = p[0];
		at += size;
		if (!is_extension(type))
			return at > FRAME_MAX ? 0 : FOUND | type << 16 | at;
	}
	return 0;
}

/*
 * The transport header of protocol `wanted` in the IPv6 packet at p; NULL when there is none.
 */
INLINE void *transport6(struct xdp_md *ctx, void *p, void *end, u8 wanted)
{
	void *data = (void *)(long)ctx->data;

	if (p + 40 > end || *(u8 *)p >> 4 != 6)
		return 0;
	u8 type = *(u8 *)(p + 6);

	if (type == wanted)
		return p + 40;
	if (!is_extension(type))
		return 0;
	u64 at = (u64)(p + 40 - data);

	asm volatile("" : "+r"(at));
	u32 found = behind_extensions(ctx, at, type);

	return found >> 16 == (FOUND >> 16 | wanted) ? data + (found & FRAME_MAX) : 0;
}

/* The same of the IPv4 packet at p, whose fixed header is there. */
INLINE void *transport4(void *p, u8 wanted)
{
	struct iphdr *ip = p;
	u8 first = *(u8 *)p;

	if (ip->protocol != wanted || ip->frag_off & htons(0x1fff) || first < 0x45 || first > 0x4f)
		return 0;
	return p + (first & 15) * 4;
}

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
