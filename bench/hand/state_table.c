/* Sources in a hash map dropped. -DENTRIES: an entry has a timeout and counts what found it, as a table's entry does. */
#include "state.h"

struct entry {
	u64 expires, packets, bytes;
};

struct {
	MAP_INT(type, MAP_TYPE);
	MAP_INT(max_entries, 262144);
	struct address *key;
	struct entry *value;
} banned SEC(".maps");

SEC("xdp") int hand(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct address source;

	if (!addresses(data, end, &source, 0))
		return decide(ctx, 1, XDP_PASS);
	struct entry *e = bpf_map_lookup_elem(&banned, &source);

	if (!e)
		return decide(ctx, 1, XDP_PASS);
#ifdef ENTRIES
	if (e->expires && e->expires <= bpf_ktime_get_coarse_ns())
		return decide(ctx, 1, XDP_PASS);
	__sync_fetch_and_add(&e->packets, 1);
	__sync_fetch_and_add(&e->bytes, end - data);
#endif
	return decide(ctx, 0, XDP_DROP);
}
