/* conftest.py compiles this and gives it a manifest: ICMP is dropped at XDP, IPv4 passes. -D chooses the programs. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
#define SEC(name) __attribute__((section(name), used))

struct xdp_md { u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex; };
struct __sk_buff {
    u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto, priority, ingress_ifindex;
    u32 ifindex, tc_index, cb[5], hash, tc_classid, data, data_end, napi_id, family, remote_ip4, local_ip4;
    u32 remote_ip6[4], local_ip6[4], remote_port, local_port, data_meta;
    u64 flow_keys, tstamp;
    u32 wire_len, gso_segs;
    u64 sk;
    u32 gso_size;
};
struct counter { u64 packets, bytes; };
struct {
    int (*type)[6];
    int (*max_entries)[COUNTERS];
    u32 *key;
    struct counter *value;
} pf_counters SEC(".maps");
static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;

static inline __attribute__((always_inline)) void count(u32 index, u64 size)
{
    struct counter *c = bpf_map_lookup_elem(&pf_counters, &index);
    if (c) {
        c->packets++;
        c->bytes += size;
    }
}

/* 1: ICMP over IPv4, 2: IPv4, 0: anything else */
static inline __attribute__((always_inline)) u32 rule_of(u8 *data, u8 *end)
{
    if (data + 34 > end || data[12] != 8 || data[13] != 0)
        return 0;
    return data[23] == 1 ? 1 : 2;
}

#define ANSWER(verdict, rule) (TRACE ? ((int)(rule) << 8 | ((verdict) & 0xff)) : (verdict))

#if XDP
SEC("xdp") int pf_xdp(struct xdp_md *ctx)
{
    u8 *data = (u8 *)(u64)ctx->data, *end = (u8 *)(u64)ctx->data_end;
    u32 rule = rule_of(data, end);
    count(rule == 1 ? 0 : rule == 2 ? 1 : 2, end - data);
    return ANSWER(rule == 1 ? ICMP_XDP : 2, rule);
}
#endif

#if TC
SEC("tc") int pf_tc_ingress(struct __sk_buff *skb)
{
    u8 *data = (u8 *)(u64)skb->data, *end = (u8 *)(u64)skb->data_end;
    u32 rule = rule_of(data, end);
    if (skb->mark == 7)
        return ANSWER(2, 2);
    if (skb->gso_size)
        return ANSWER(2, 1);
    count(FIRST_TC + (rule == 1 ? 0 : rule == 2 ? 1 : 2), skb->len);
    return ANSWER(rule == 1 ? 2 : -1, rule);
}
#endif

#if EGRESS
SEC("classifier") int pf_tc_egress(struct __sk_buff *skb)
{
    u8 *data = (u8 *)(u64)skb->data, *end = (u8 *)(u64)skb->data_end;
    return ANSWER(rule_of(data, end) == 1 ? 2 : -1, 1);
}
#endif

#if BAD
SEC("xdp") int pf_xdp(struct xdp_md *ctx)
{
    u8 *data = (u8 *)(u64)ctx->data;
#line 7 "0-rules.pf"
    return data[12];
}
#endif

char _license[] SEC("license") = "GPL";
