/* The ten connections of policies/five_tuples.pf. A rule is its place in the list; 10 is "none". */
#define RULE(n, s, d, sp, dp) \
	if (saddr == htonl(s) && daddr == htonl(d) && ports == htonl((u32)(sp) << 16 | (dp))) \
		return n;

INLINE u32 rule_of(u32 saddr, u32 daddr, u32 ports)
{
	RULE(0, 0xac100001, 0xc633640a, 1024, 80)
	RULE(1, 0xac101908, 0xc6336415, 1637, 443)
	RULE(2, 0xac10320f, 0xc6336420, 2250, 22)
	RULE(3, 0xac104b16, 0xc633642b, 2863, 25)
	RULE(4, 0xac10641d, 0xc6336436, 3476, 8080)
	RULE(5, 0xac107d24, 0xc6336441, 4089, 3306)
	RULE(6, 0xac10962b, 0xc633644c, 4702, 5432)
	RULE(7, 0xac10af32, 0xc6336457, 5315, 6379)
	RULE(8, 0xac10c839, 0xc6336462, 5928, 8443)
	RULE(9, 0xac10e140, 0xc633646d, 6541, 11211)
	return 10;
}
