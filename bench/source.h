/*
 * What every packet source has: the kernel's types and helpers, the program under test, and one that does nothing.
 *
 * A source is run by BPF_PROG_TEST_RUN with a large repeat, and hands each packet to the program under test by a tail call.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define MAP_INT(name, value) int (*name)[value]

enum { BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_PROG_ARRAY = 3, XDP_ABORTED = 0, XDP_PASS = 2 };

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static long (*const bpf_tail_call)(void *ctx, void *programs, u32 index) = (void *)12;

struct xdp_md {
	u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

struct {
	MAP_INT(type, BPF_MAP_TYPE_PROG_ARRAY);
	MAP_INT(max_entries, 1);
	u32 *key;
	u32 *value;
} under_test SEC(".maps");

/* What the source costs by itself: a program that does nothing stands behind it. */
SEC("xdp") int empty(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}
