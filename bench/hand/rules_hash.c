/*
 * What the fixed shape of a five-tuple allows by hand: one look-up of all of it in a hash map, with the parse that the words of
 * a rule mean. It knows no prefixes, ranges or order: no rule set can be less work than this.
 */
#include "full/full.h"

#ifdef IPV6
enum { FAMILY = 0x86dd };
struct address {
	u64 half[2];
};
#else
enum { FAMILY = 0x0800 };
struct address {
	u32 whole;
};
#endif

struct five_tuple {
	struct address src, dst;
	u16 sport, dport;
	u32 proto;
};

struct {
	MAP_INT(type, BPF_MAP_TYPE_HASH);
	MAP_INT(max_entries, RULES);
	struct five_tuple *key;
	u32 *value;
} rules SEC(".maps");

SEC("xdp") int hand(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, *p = data + 14;
	struct five_tuple key = {0};

	if (p > end)
		return XDP_PASS;
	u16 type = *(u16 *)(p - 2);

	if ((unlikely(type != htons(FAMILY)) && !(p = behind_tags(p, end, &type))) || type != htons(FAMILY))
		return XDP_PASS;
#ifdef IPV6
	if (p + 40 > end || *(u8 *)p >> 4 != 6)
		return XDP_PASS;
	key.src = *(struct address *)(p + 8);
	key.dst = *(struct address *)(p + 24);
	key.proto = *(u8 *)(p + 6);
	p += 40;
	if (unlikely(is_extension(key.proto))) {
		u64 at = (u64)(p - data);

		asm volatile("" : "+r"(at));
		u32 found = behind_extensions(ctx, at, key.proto);

		if (!found)
			return XDP_PASS;
		key.proto = found >> 16 & 0xff;
		p = data + (found & FRAME_MAX);
	}
#else
	struct iphdr *ip = p;

	if ((void *)(ip + 1) > end)
		return XDP_PASS;
	u8 first = *(u8 *)p;

	if (first < 0x45 || first > 0x4f || ip->frag_off & htons(0x1fff))
		return XDP_PASS;
	key.src.whole = ip->saddr;
	key.dst.whole = ip->daddr;
	key.proto = ip->protocol;
	p += (first & 15) * 4;
#endif
	if (key.proto == IPPROTO_TCP || key.proto == IPPROTO_UDP) {
		struct udphdr *ports = p;

		if ((void *)(ports + 1) > end)
			return XDP_PASS;
		key.sport = ports->source;
		key.dport = ports->dest;
	}
	return bpf_map_lookup_elem(&rules, &key) ? XDP_DROP : XDP_PASS;
}
