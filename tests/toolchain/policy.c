/* A policy by hand, in the shape of what ebpfc emits: two hooks, a counter map, a function of its own, a reserved table. */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
#define SEC(name) __attribute__((section(name), used))
#define __uint(name, value) int (*name)[value]
#define __type(name, value) typeof(value) *name
struct xdp_md {
	u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};
struct __sk_buff {
	u32 len;
};
static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
struct pf_counter {
	u64 packets;
	u64 bytes;
};
struct {
	__uint(type, 6);
	__uint(max_entries, 2);
	__type(key, u32);
	__type(value, struct pf_counter);
} pf_counters SEC(".maps");
const volatile u32 t_table[64] SEC(".rodata.tables") = {0};

static inline __attribute__((always_inline)) void count(u32 index, u64 bytes)
{
	struct pf_counter *counter = bpf_map_lookup_elem(&pf_counters, &index);
	if (counter) {
		counter->packets++;
		counter->bytes += bytes;
	}
}

__attribute__((noinline)) u32 look_up(u32 place)
{
	return t_table[place & 63];
}

SEC("xdp") int pf_xdp(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	u8 *packet = data;
	if (data + 34 > end)
		return 2;
#line 3 "0-rules.pf"
	if (packet[23] == 6 && look_up(packet[22]) == 0) { count(0, end - data); return 1; }
#line 49 "policy.c"
	count(1, end - data);
	return 2;
}

SEC("tc") int pf_tc_ingress(struct __sk_buff *skb)
{
	count(0, skb->len);
	return -1;
}

char _license[] SEC("license") = "GPL";
