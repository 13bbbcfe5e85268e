"""Names that stand for numbers: services, protocols, EtherTypes, pcap's constants and the words of single fields.

In: nothing (data). Out: dictionaries from a name to its number. A build depends on no machine, so nothing here is ever
looked up in `/etc/services`, `/etc/protocols` or the resolver.

Sources: the registries of IANA (service names, protocol numbers, ICMP types, DSCP, EtherTypes) with the names that
Debian's netbase gives them; constants of pcap-filter(7); words of nft(8) for the fields that it names.
"""

from __future__ import annotations


def _table(text: str) -> dict[str, int]:
    words = text.split()
    return {name: int(number, 0) for name, number in zip(words[::2], words[1::2], strict=True)}


SERVICES: dict[str, int] = _table("""
tcpmux 1 nbp 2 echo 7 discard 9 sink 9 systat 11 daytime 13 netstat 15 qotd 17 chargen 19 ftp-data 20 fsp 21 ftp 21
ssh 22 telnet 23 smtp 25 time 37 nicname 43 whois 43 tacacs 49 domain 53 bootps 67 bootpc 68 tftp 69 gopher 70
finger 79 http 80 www 80 kerberos 88 kerberos-sec 88 kerberos5 88 krb5 88 dixie 96 hostnames 101 iso-tsap 102
acr-nema 104 dicom 104 csnet-ns 105 poppassd 106 pop2 109 pop-3 110 pop3 110 portmapper 111 rpcbind 111 sunrpc 111
auth 113 ident 113 uucp-path 117 nntp 119 readnews 119 untp 119 ntp 123 epmap 135 loc-srv 135 netbios-ns 137
netbios-dgm 138 netbios-ssn 139 imap 143 imap2 143 sql-service 156 snmp 161 snmp-trap 162 snmptrap 162 cmip-man 163
cmip-agent 164 mailq 174 xdmcp 177 bgp 179 irc-old 194 smux 199 qmtp 209 z3950 210 ipx-tunnel 213 ptp-event 319
ptp-general 320 pawserv 345 zserv 346 rpc2portmap 369 codaauth2 370 clearcase 371 ulistserv 372 aurp 387 ldap 389
imsp 406 svrloc 427 https 443 snpp 444 microsoft-ds 445 kpasswd 464 smtps 465 submissions 465 urd 465 saft 487 ike 500
isakmp 500 modbus 502 biff 512 comsat 512 exec 512 login 513 who 513 cmd 514 shell 514 syslog 514 printer 515
spooler 515 talk 517 ntalk 518 rip 520 route 520 routed 520 ripng 521 gdomap 538 uucp 540 uucpd 540 klogin 543
kshell 544 dhcpv6-client 546 dhcpv6-server 547 afpovertcp 548 idfp 549 rtsp 554 remotefs 556 nntps 563 snews 563
submission 587 nqs 607 asf-rmcp 623 ipmi 623 qmqp 628 cups 631 ipp 631 ldaps 636 msdp 639 ldp 646 dhcp-failover 647
tinc 655 mdqs 666 silc 706 kerberos-adm 749 kdc 750 kerberos4 750 kerberos-master 751 passwd-server 752 krb-prop 754
moira-db 775 moira-update 777 moira-ureg 779 spamd 783 netconf-ssh 830 dhcp-failover2 847 domain-s 853 doq 853 dot 853
supfilesrv 871 rsync 873 rndc 953 ftps-data 989 ftps 990 telnets 992 imaps 993 ircs 994 pop3s 995 rlm 1055 socks 1080
rmiregistry 1099 kpop 1109 supfiledbg 1127 skkserv 1178 openvpn 1194 predict 1210 nessus 1241 xtel 1313 xtelw 1314
lotusnote 1352 lotusnotes 1352 ms-sql-s 1433 ms-sql-m 1434 ingreslock 1524 datametrics 1645 old-radius 1645
sa-msg-port 1646 kermit 1649 groupwise 1677 l2f 1701 l2tp 1701 h323gatestat 1719 h323hostcall 1720 pptp 1723
radius 1812 radacct 1813 radius-acct 1813 mqtt 1883 ssdp 1900 remoteping 1959 cisco-hsrp 1985 hsrp 1985
cisco-sccp 2000 nfs 2049 netflow 2055 gnunet 2086 rtcm-sc104 2101 zephyr-srv 2102 zephyr-clt 2103 zephyr-hm 2104
eklogin 2105 rkinit 2108 kx 2111 kauth 2120 iprop 2121 gtp-control 2123 gris 2135 gtp-user 2152 zookeeper 2181
docker 2375 etcd-client 2379 etcd-server 2380 cvspserver 2401 venus 2430 venus-se 2431 codasrv 2432 codasrv-se 2433
zebrasrv 2600 zebra 2601 ripd 2602 ripngd 2603 ospfd 2604 bgpd 2605 ospf6d 2606 ospfapi 2607 isisd 2608 dict 2628
f5-globalsite 2792 gsiftp 2811 m2ua 2904 m3ua 2905 gpsd 2947 gds-db 3050 squid 3128 icp 3130 icpv2 3130 isns 3205
glbp 3222 iscsi-target 3260 ldap-gc 3268 mysql 3306 gtp-prime 3386 ms-wbt-server 3389 rdp 3389 stun 3478 turn 3478
nut 3493 m2pa 3565 distcc 3632 knxnetip 3671 daap 3689 subversion 3690 svn 3690 bfd-control 3784 bfd-echo 3785
diameter 3868 suucp 4031 sysrqd 4094 manage-sieve 4190 sieve 4190 lisp-data 4341 lisp-control 4342 f5-iquery 4353
epmd 4369 remctl 4373 ntske 4460 ipsec-nat-t 4500 fax 4557 hylafax 4559 iax 4569 mtn 4691 gearman 4730 ipfix 4739
ipfixs 4740 gre-in-udp 4754 vxlan-gpe 4790 opcua-tcp 4840 radmin-port 4899 munin 4949 mmcc 5050 sip 5060 sip-tls 5061
sips 5061 aol 5190 jabber-client 5222 xmpp-client 5222 jabber-server 5269 xmpp-server 5269 xmpp-bosh 5280
cfengine 5308 stuns 5349 turns 5349 mdns 5353 noclog 5354 hostmon 5355 llmnr 5355 postgres 5432 postgresql 5432
rplay 5555 freeciv 5556 rptp 5556 nrpe 5666 nsca 5667 amqps 5671 amqp 5672 canna 5680 coap 5683 coaps 5684
diameters 5868 rfb 5900 vnc 5900 spice 5901 winrm 5985 winrms 5986 x11 6000 x11-1 6001 x11-2 6002 x11-3 6003
x11-4 6004 x11-5 6005 x11-6 6006 x11-7 6007 sflow 6343 gnutella-svc 6346 gnutella-rtr 6347 redis 6379
kube-apiserver 6443 sge-qmaster 6444 sge-execd 6445 netconf-tls 6513 syslog-tls 6514 sane 6566 sane-port 6566
saned 6566 ircd 6667 babel 6696 ircs-u 6697 bittorrent 6881 afs3-fileserver 7000 bbs 7000 afs3-callback 7001
afs3-prserver 7002 afs3-vlserver 7003 afs3-kaserver 7004 afs3-volser 7005 afs3-bos 7007 afs3-update 7008
afs3-rmtsys 7009 font-service 7100 xfs 7100 cassandra-jmx 7199 tircproxy 7666 zope-ftp 8021 http-alt 8080
webcache 8080 tproxy 8081 influxdb 8086 omniorb 8088 puppet 8140 vault 8200 consul 8500 secure-mqtt 8883
clc-build-daemon 8990 tor-or 9001 cassandra 9042 tor-socks 9050 prometheus 9090 kafka 9092 xinetd 9098 jetdirect 9100
node-exporter 9100 bacula-dir 9101 bacula-fd 9102 bacula-sd 9103 elasticsearch 9200 git 9418 zope 9673 teamspeak 9987
webmin 10000 zabbix-agent 10050 zabbix-trapper 10051 amanda 10080 kamanda 10081 amandaidx 10082 amidxtape 10083
snmp-tls 10161 kubelet 10250 nbd 10809 memcache 11211 memcached 11211 nsclient 12489 bprd 13720 bpcd 13782 sua 14001
xpilot 15345 rabbitmq-mgmt 15672 sgi-cmsd 17001 db-lsp 17500 dnp 20000 vboxd 20012 syncthing 22000 dcap 22125
gsidcap 22128 wnn6 22273 binkp 24554 minecraft 25565 quake 26000 steam 27015 mongodb 27017 mongodb-shard 27018
mongodb-config 27019 csync2 30865 s1-control 36412 bacnet 47808 wireguard 51820 tfido 60177 fido 60179
""")
"""Service name → port, whatever the transport (no name here has two ports)."""

IP_PROTOCOLS: dict[str, int] = _table("""
ip 0 hopopt 0 icmp 1 igmp 2 ggp 3 ipencap 4 st 5 tcp 6 cbt 7 egp 8 igp 9 pup 12 udp 17 hmp 20 xns-idp 22 rdp 27
iso-tp4 29 dccp 33 xtp 36 ddp 37 idpr-cmtp 38 ipv6 41 ip6 41 ipv6-route 43 ipv6-frag 44 idrp 45 rsvp 46 gre 47 esp 50
ah 51 skip 57 ipv6-icmp 58 icmp6 58 icmpv6 58 ipv6-nonxt 59 ipv6-opts 60 rspf 73 vmtp 81 eigrp 88 ospf 89 ax25 93
etherip 97 encap 98 pim 103 ipcomp 108 comp 108 vrrp 112 carp 112 l2tp 115 isis 124 sctp 132 fc 133
mobility-header 135 udplite 136 mpls-in-ip 137 manet 138 hip 139 shim6 140 wesp 141 rohc 142 ethernet 143
""")
"""IP protocol name → number. `ipip` is missing on purpose: Debian says 94, most people mean 4 (`ipencap`)."""

ETHERTYPES: dict[str, int] = _table("""
ip 0x0800 ip4 0x0800 ipv4 0x0800 arp 0x0806 wol 0x0842 trill 0x22f3 batman 0x4305 mopdl 0x6001 moprc 0x6002
lat 0x6004 sca 0x6007 teb 0x6558 rarp 0x8035 atalk 0x809b aarp 0x80f3 vlan 0x8100 8021q 0x8100 dot1q 0x8100
ip6 0x86dd ipv6 0x86dd flow-control 0x8808 lacp 0x8809 slow 0x8809 mpls 0x8847 mpls-multicast 0x8848 pppoed 0x8863
pppoes 0x8864 eapol 0x888e profinet 0x8892 aoe 0x88a2 ethercat 0x88a4 8021ad 0x88a8 qinq 0x88a8 powerlink 0x88ab
goose 0x88b8 lldp 0x88cc macsec 0x88e5 pbb 0x88e7 ptp 0x88f7 nc-si 0x88f8 cfm 0x8902 fcoe 0x8906 fip 0x8914
roce 0x8915 hsr 0x892f loopback 0x9000 qinq1 0x9100
""")
"""EtherType name → number; LLC's names (`stp`, `iso`, `ipx`, `netbeui`) are no EtherTypes."""

PCAP_CONSTANTS: dict[str, int] = _table("""
tcpflags 13
tcp-fin 0x01 tcp-syn 0x02 tcp-rst 0x04 tcp-push 0x08 tcp-ack 0x10 tcp-urg 0x20 tcp-ece 0x40 tcp-cwr 0x80
icmptype 0 icmpcode 1 icmp-echoreply 0 icmp-unreach 3 icmp-sourcequench 4 icmp-redirect 5 icmp-echo 8
icmp-routeradvert 9
icmp-routersolicit 10 icmp-timxceed 11 icmp-paramprob 12 icmp-tstamp 13 icmp-tstampreply 14 icmp-ireq 15
icmp-ireqreply 16 icmp-maskreq 17 icmp-maskreply 18
icmp6type 0 icmp6code 1 icmp6-destinationunreach 1 icmp6-destinationunrach 1 icmp6-packettoobig 2 icmp6-timeexceeded 3
icmp6-parameterproblem 4 icmp6-echo 128 icmp6-echoreply 129 icmp6-multicastlistenerquery 130
icmp6-multicastlistenerreportv1 131 icmp6-multicastlistenerdone 132 icmp6-routersolicit 133 icmp6-routeradvert 134
icmp6-neighborsolicit 135 icmp6-neighboradvert 136 icmp6-redirect 137 icmp6-routerrenum 138
icmp6-nodeinformationquery 139 icmp6-nodeinformationresponse 140 icmp6-ineighbordiscoverysolicit 141
icmp6-ineighbordiscoveryadvert 142 icmp6-multicastlistenerreportv2 143 icmp6-homeagentdiscoveryrequest 144
icmp6-homeagentdiscoveryreply 145 icmp6-mobileprefixsolicit 146 icmp6-mobileprefixadvert 147 icmp6-certpathsolicit 148
icmp6-certpathadvert 149 icmp6-multicastrouteradvert 151 icmp6-multicastroutersolicit 152 icmp6-multicastrouterterm 153
""")
"""Constants that pcap-filter(7) gives for arithmetic: offsets, bits of TCP byte 13, ICMP types."""

DSCP: dict[str, int] = _table("""
be 0 df 0 cs0 0 le 1 cs1 8 af11 10 af12 12 af13 14 cs2 16 af21 18 af22 20 af23 22 cs3 24 af31 26 af32 28 af33 30
cs4 32 af41 34 af42 36 af43 38 cs5 40 va 44 voice-admit 44 ef 46 cs6 48 cs7 56
""")
ECN: dict[str, int] = _table("not-ect 0 ect1 1 ect0 2 ce 3")
ICMP_TYPES: dict[str, int] = _table("""
echo-reply 0 destination-unreachable 3 source-quench 4 redirect 5 echo-request 8 router-advertisement 9
router-solicitation 10 time-exceeded 11 parameter-problem 12 timestamp-request 13 timestamp-reply 14 info-request 15
info-reply 16 address-mask-request 17 address-mask-reply 18
""")
ICMP6_TYPES: dict[str, int] = _table("""
destination-unreachable 1 packet-too-big 2 time-exceeded 3 parameter-problem 4 echo-request 128 echo-reply 129
mld-listener-query 130 mld-listener-report 131 mld-listener-done 132 mld-listener-reduction 132 nd-router-solicit 133
nd-router-advert 134 nd-neighbor-solicit 135 nd-neighbor-advert 136 nd-redirect 137 router-renumbering 138
ind-neighbor-solicit 141 ind-neighbor-advert 142 mld2-listener-report 143
""")
ICMP_CODES: dict[str, int] = _table("""
net-unreachable 0 host-unreachable 1 prot-unreachable 2 port-unreachable 3 frag-needed 4 net-prohibited 9
host-prohibited 10 admin-prohibited 13
""")
ICMP6_CODES: dict[str, int] = _table("""
no-route 0 admin-prohibited 1 addr-unreachable 3 port-unreachable 4 policy-fail 5 reject-route 6
""")
ARP_OPERATIONS: dict[str, int] = _table("""
request 1 reply 2 rrequest 3 rreply 4 inrequest 8 inreply 9 nak 10
""")
TCP_FLAG_NAMES: dict[str, int] = _table("fin 0x01 syn 0x02 rst 0x04 psh 0x08 ack 0x10 urg 0x20 ecn 0x40 cwr 0x80")

FIELD_NAMES: dict[tuple[str, str], dict[str, int]] = {
    ("ip", "protocol"): IP_PROTOCOLS,
    ("ip6", "nexthdr"): IP_PROTOCOLS,
    ("ip", "dscp"): DSCP,
    ("ip6", "dscp"): DSCP,
    ("ip", "ecn"): ECN,
    ("ip6", "ecn"): ECN,
    ("ether", "type"): ETHERTYPES,
    ("vlan", "type"): ETHERTYPES,
    ("arp", "ptype"): ETHERTYPES,
    ("arp", "op"): ARP_OPERATIONS,
    ("arp", "operation"): ARP_OPERATIONS,
    ("icmp", "type"): ICMP_TYPES,
    ("icmp", "code"): ICMP_CODES,
    ("icmp6", "type"): ICMP6_TYPES,
    ("icmp6", "code"): ICMP6_CODES,
    ("tcp", "flags"): TCP_FLAG_NAMES,
    **{(proto, port): SERVICES for proto in ("tcp", "udp", "sctp") for port in ("sport", "dport")},
}
"""The words that may stand beside a field (`ip.dscp == ef`), by the field's protocol and name."""

KNOWN_WORDS: frozenset[str] = frozenset(
    name for table in (SERVICES, IP_PROTOCOLS, ETHERTYPES, PCAP_CONSTANTS, *FIELD_NAMES.values()) for name in table
)
"""Every word that has a number somewhere: what a value's name may be before its place says which number."""

TAKEN_NAMES: frozenset[str] = frozenset((*SERVICES, *IP_PROTOCOLS, *ETHERTYPES, *PCAP_CONSTANTS))
"""Names that a `let`, `table`, `limit` or `pool` may not take."""
