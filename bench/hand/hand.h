/* What C written by hand against the kernel's headers would include: the few lines of them that these filters need. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define MAP_INT(name, value) int (*name)[value]
#define INLINE static inline __attribute__((always_inline, unused))
#define htons(x) ((u16)__builtin_bswap16(x))
#define ntohs(x) htons(x)
#define htonl(x) ((u32)__builtin_bswap32(x))
#define ntohl(x) htonl(x)
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

enum { ETH_P_IP = 0x0800, ETH_P_ARP = 0x0806, ETH_P_RARP = 0x8035, ETH_P_IPV6 = 0x86dd };
enum { IPPROTO_ICMP = 1, IPPROTO_TCP = 6, IPPROTO_UDP = 17, IPPROTO_ICMPV6 = 58, IPPROTO_SCTP = 132 };
enum { XDP_ABORTED, XDP_DROP, XDP_PASS };
enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_PERCPU_ARRAY = 6, BPF_MAP_TYPE_LPM_TRIE = 11, BPF_F_NO_PREALLOC = 1 };

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) __attribute__((unused)) = (void *)1;

struct xdp_md {
	u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex;
};

struct ethhdr {
	u8 h_dest[6], h_source[6];
	u16 h_proto;
} __attribute__((packed));

struct iphdr {
	u8 ihl : 4, version : 4;
	u8 tos;
	u16 tot_len, id, frag_off;
	u8 ttl, protocol;
	u16 check;
	u32 saddr, daddr;
} __attribute__((packed));

struct tcphdr {
	u16 source, dest;
	u32 seq, ack_seq;
	u8 res : 4, doff : 4;
	u8 flags;
	u16 window, check, urg_ptr;
} __attribute__((packed));

struct udphdr {
	u16 source, dest, len, check;
} __attribute__((packed));

struct vxlanhdr {
	u32 vx_flags, vx_vni;
} __attribute__((packed));

/*
 * One verdict for one reason. With -DCOUNTERS each reason has packets and bytes, per CPU, as the compiled policy counts
 * by default.
 */
#ifdef COUNTERS
struct counter {
	u64 packets, bytes;
};

struct {
	MAP_INT(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	MAP_INT(max_entries, 32);
	u32 *key;
	struct counter *value;
} counters SEC(".maps");

INLINE int decide(struct xdp_md *ctx, u32 reason, int verdict)
{
	struct counter *c = bpf_map_lookup_elem(&counters, &reason);

	if (c) {
		c->packets++;
		c->bytes += ctx->data_end - ctx->data;
	}
	return verdict;
}
#else
#define decide(ctx, reason, verdict) ((void)(ctx), (void)(reason), (verdict))
#endif

