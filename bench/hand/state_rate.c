/*
 * SYNs over RATE a second from one source dropped, by GCRA: a hash map from the source to when its bucket will be full
 * again. -DCOARSE reads the clock that goes by ticks, which is enough where the bucket holds many ticks.
 */
#include "state.h"

enum { TRIES = 3 };

struct {
	MAP_INT(type, MAP_TYPE);
	MAP_INT(max_entries, 65536);
	struct address *key;
	u64 *value;
} limits SEC(".maps");

#ifdef COARSE
#define NOW() bpf_ktime_get_coarse_ns()
#else
#define NOW() bpf_ktime_get_ns()
#endif

/* Whether the packet is within the rate. */
INLINE int within(struct address *source)
{
	u64 now = NOW(), cost = 1000000000ull / RATE, depth = cost * BURST;
	u64 *full_at = bpf_map_lookup_elem(&limits, source);

	if (!full_at) {
		u64 first = now + cost;

		return !bpf_map_update_elem(&limits, source, &first, BPF_NOEXIST);
	}
	_Pragma("unroll") for (int i = 0; i < TRIES; i++) {
		u64 old = *(volatile u64 *)full_at, next = (old > now ? old : now) + cost;

		if (next - now > depth)
			return 0;
		if (__sync_val_compare_and_swap(full_at, old, next) == old)
			return 1;
	}
	return 0;
}

SEC("xdp") int hand(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, *ip;
	struct address source;
	u8 *tcp;

	if (!(ip = addresses(data, end, &source, 0)) || !(tcp = tcp_behind(ctx, ip, end)))
		return decide(ctx, 1, XDP_PASS);
	if ((tcp[13] & (TCP_SYN | TCP_ACK)) != TCP_SYN || within(&source))
		return decide(ctx, 1, XDP_PASS);
	return decide(ctx, 0, XDP_DROP);
}
