/*
 * Is an address in one of the hundred prefixes of policies/prefixes.txt? Four ways, the fastest of which counts:
 * a search in a sorted array (the default), one hash map of all prefix lengths (-DHASH), an LPM trie (-DLPM),
 * and one compare after another (-DLINEAR).
 */
#if defined(LPM) || defined(HASH)

struct prefix {
	u32 length, address;
};

struct {
#ifdef LPM
	MAP_INT(type, BPF_MAP_TYPE_LPM_TRIE);
	MAP_INT(map_flags, BPF_F_NO_PREALLOC);
#else
	MAP_INT(type, BPF_MAP_TYPE_HASH);
#endif
	MAP_INT(max_entries, 128);
	struct prefix *key;
	u32 *value;
} prefixes SEC(".maps");

INLINE int in_prefixes(u32 address)
{
#ifdef LPM
	struct prefix key = {32, address};

	return !!bpf_map_lookup_elem(&prefixes, &key);
#else
	struct prefix key = {24, address & htonl(0xffffff00)};

	if (bpf_map_lookup_elem(&prefixes, &key))
		return 1;
	key.length = 28, key.address = address & htonl(0xfffffff0);
	if (bpf_map_lookup_elem(&prefixes, &key))
		return 1;
	key.length = 32, key.address = address;
	return !!bpf_map_lookup_elem(&prefixes, &key);
#endif
}

#else

/* First and last address, sorted; filled up to a power of two with a range that no address is in. */
static const struct {
	u32 first, last;
} ranges[128] = {
	{0x0b2c0100, 0x0b2c01ff},
	{0x0b3f6200, 0x0b3f62ff},
	{0x0b442f00, 0x0b442fff},
	{0x0b4a9610, 0x0b4a961f},
	{0x0b619790, 0x0b61979f},
	{0x0b713100, 0x0b7131ff},
	{0x0bf84d00, 0x0bf84d0f},
	{0x2d001e93, 0x2d001e93},
	{0x2d1f1000, 0x2d1f10ff},
	{0x2d2feb00, 0x2d2febff},
	{0x2d303100, 0x2d3031ff},
	{0x2d49c9c4, 0x2d49c9c4},
	{0x2d603000, 0x2d6030ff},
	{0x2d6a78c6, 0x2d6a78c6},
	{0x2d6ae302, 0x2d6ae302},
	{0x2d7b3800, 0x2d7b38ff},
	{0x2d85b0e4, 0x2d85b0e4},
	{0x2da0a300, 0x2da0a3ff},
	{0x2dae1b83, 0x2dae1b83},
	{0x2daf6df6, 0x2daf6df6},
	{0x2dd61400, 0x2dd614ff},
	{0x2dd95a00, 0x2dd95aff},
	{0x2df9e40e, 0x2df9e40e},
	{0x4d0bd333, 0x4d0bd333},
	{0x4d0dd883, 0x4d0dd883},
	{0x4d1ba4f0, 0x4d1ba4ff},
	{0x4d2a7cf0, 0x4d2a7cff},
	{0x4d3bf300, 0x4d3bf3ff},
	{0x4d3c4f00, 0x4d3c4fff},
	{0x4d4d76f0, 0x4d4d76ff},
	{0x4d7ec750, 0x4d7ec75f},
	{0x4d8127ed, 0x4d8127ed},
	{0x4daf2100, 0x4daf21ff},
	{0x4ddc6d50, 0x4ddc6d5f},
	{0x4de5fbe0, 0x4de5fbef},
	{0x4dfa5900, 0x4dfa59ff},
	{0x671fac00, 0x671facff},
	{0x6729e800, 0x6729e8ff},
	{0x675c0a00, 0x675c0aff},
	{0x677777d0, 0x677777df},
	{0x67932a40, 0x67932a4f},
	{0x67b9379e, 0x67b9379e},
	{0x8d257a00, 0x8d257aff},
	{0x8d905930, 0x8d90593f},
	{0x8dc58600, 0x8dc586ff},
	{0x8dd69900, 0x8dd699ff},
	{0x8de42b00, 0x8de42bff},
	{0x8df2bd00, 0x8df2bdff},
	{0x8df50def, 0x8df50def},
	{0xb00b8d00, 0xb00b8dff},
	{0xb00d0e73, 0xb00d0e73},
	{0xb01db200, 0xb01db2ff},
	{0xb031e200, 0xb031e2ff},
	{0xb04d3c00, 0xb04d3cff},
	{0xb0997b00, 0xb0997bff},
	{0xb0b34a00, 0xb0b34aff},
	{0xb0ba73a1, 0xb0ba73a1},
	{0xb0e5cd00, 0xb0e5cdff},
	{0xb0ee6300, 0xb0ee63ff},
	{0xb9141200, 0xb91412ff},
	{0xb918b800, 0xb918b8ff},
	{0xb93502d0, 0xb93502df},
	{0xb9762500, 0xb976250f},
	{0xb98e40e0, 0xb98e40ef},
	{0xb9b7b0d0, 0xb9b7b0df},
	{0xb9bd0ec0, 0xb9bd0ecf},
	{0xb9c82a80, 0xb9c82a8f},
	{0xb9cc46f0, 0xb9cc46ff},
	{0xb9d61a00, 0xb9d61aff},
	{0xc21e2f00, 0xc21e2fff},
	{0xc22941f0, 0xc22941ff},
	{0xc23ee52d, 0xc23ee52d},
	{0xc2531967, 0xc2531967},
	{0xc29fab1b, 0xc29fab1b},
	{0xc2b5ff00, 0xc2b5ffff},
	{0xc2c8e5e0, 0xc2c8e5ef},
	{0xc2cd06d0, 0xc2cd06df},
	{0xc2daed00, 0xc2daedff},
	{0xc2f5f658, 0xc2f5f658},
	{0xcb202500, 0xcb2025ff},
	{0xcb33f323, 0xcb33f323},
	{0xcb5c8800, 0xcb5c88ff},
	{0xcb6dec00, 0xcb6decff},
	{0xcb8e8d30, 0xcb8e8d3f},
	{0xcb989f36, 0xcb989f36},
	{0xcbbbc013, 0xcbbbc013},
	{0xcbfd7f00, 0xcbfd7fff},
	{0xd51aeb30, 0xd51aeb30},
	{0xd51e8400, 0xd51e84ff},
	{0xd54d7298, 0xd54d7298},
	{0xd55d5c00, 0xd55d5c0f},
	{0xd5697300, 0xd56973ff},
	{0xd599ba00, 0xd599baff},
	{0xd59df100, 0xd59df1ff},
	{0xd5a32110, 0xd5a3211f},
	{0xd5c0a122, 0xd5c0a122},
	{0xd5cb1900, 0xd5cb19ff},
	{0xd5e80700, 0xd5e807ff},
	{0xd5e99300, 0xd5e993ff},
	{0xd5fe4c00, 0xd5fe4cff},
	[100 ... 127] = {0xffffffff, 0},
};

INLINE int in_prefixes(u32 address)
{
	u32 x = ntohl(address);
#ifdef LINEAR
	_Pragma("unroll") for (u32 i = 0; i < 100; i++) {
		if (x - ranges[i].first <= ranges[i].last - ranges[i].first) {
			asm volatile(""); /* or clang makes it a hundred selects */
			return 1;
		}
	}
	return 0;
#else
	u32 i = 0;

	/* The last range that begins at or before x; clang makes each step a compare and a jump. */
	_Pragma("unroll") for (u32 step = 64; step; step /= 2) {
		if (x >= ranges[i + step].first)
			i += step;
		asm volatile("" : "+r"(i));
		i &= 127;
	}
	return x >= ranges[i].first && x <= ranges[i].last;
#endif
}

#endif
