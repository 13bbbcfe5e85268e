/*
 * For filters that remember. A key is the address family and the address, so that one map holds IPv4 and IPv6; with
 * -DIPV4 it is an untagged IPv4 address and nothing else is looked at.
 */
#include "full/full.h"

enum { TCP_SYN = 0x02, TCP_ACK = 0x10, BPF_MAP_TYPE_LRU_HASH = 9, BPF_ANY = 0, BPF_NOEXIST = 1 };

static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value, u64 flags) __attribute__((unused)) = (void *)2;
static u64 (*const bpf_ktime_get_ns)(void) __attribute__((unused)) = (void *)5;
static u64 (*const bpf_ktime_get_coarse_ns)(void) __attribute__((unused)) = (void *)160;

#ifndef MAP_TYPE
#define MAP_TYPE BPF_MAP_TYPE_HASH
#endif

#ifdef IPV4
struct address {
	u32 word[1];
};

/* The IPv4 header; NULL when there is none. */
INLINE void *addresses(void *data, void *end, struct address *source, struct address *destination)
{
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > end || eth->h_proto != htons(ETH_P_IP))
		return 0;
	source->word[0] = ip->saddr;
	if (destination)
		destination->word[0] = ip->daddr;
	return ip;
}

/* The TCP header behind what `addresses` found. */
INLINE u8 *tcp_behind(struct xdp_md *ctx, void *ip, void *end)
{
	u8 *p = transport4(ip, IPPROTO_TCP);

	(void)ctx;
	return p && (void *)(p + 14) <= end ? p : 0;
}
#else
struct address {
	u32 word[5]; /* 4 or 6; IPv4: zeros behind it */
};

/* The IP header behind up to two tags; NULL when there is none. */
INLINE void *addresses(void *data, void *end, struct address *source, struct address *destination)
{
	void *p = data + 14;

	if (p > end)
		return 0;
	u16 type = *(u16 *)(p - 2);

	if (unlikely(type != htons(ETH_P_IP)) && !(p = behind_tags(p, end, &type)))
		return 0;
	if (likely(type == htons(ETH_P_IP))) {
		if (p + 20 > end || *(u8 *)p >> 4 != 4)
			return 0;
		*source = (struct address){ { htonl(4), *(u32 *)(p + 12) } };
		if (destination)
			*destination = (struct address){ { htonl(4), *(u32 *)(p + 16) } };
		return p;
	}
	if (type != htons(ETH_P_IPV6) || p + 40 > end || *(u8 *)p >> 4 != 6)
		return 0;
	source->word[0] = htonl(6);
	__builtin_memcpy(source->word + 1, p + 8, 16);
	if (destination) {
		destination->word[0] = htonl(6);
		__builtin_memcpy(destination->word + 1, p + 24, 16);
	}
	return p;
}

/* The TCP header behind what `addresses` found. */
INLINE u8 *tcp_behind(struct xdp_md *ctx, void *ip, void *end)
{
	u8 *p = *(u8 *)ip >> 4 == 4 ? transport4(ip, IPPROTO_TCP) : transport6(ctx, ip, end, IPPROTO_TCP);

	return p && (void *)(p + 14) <= end ? p : 0;
}
#endif
