import { assertEquals } from "@std/assert";
import { networkOf, networkOfHost } from "../../server/_admission.ts";
import { test } from "../_test.ts";

test("networkOfHost() counts an IPv4 address as one, and a /64 of IPv6", () => {
  const hosts: [string, string][] = [
    ["127.0.0.1", "127.0.0.1"],
    ["::ffff:127.0.0.1", "127.0.0.1"],
    ["::FFFF:10.0.0.7", "10.0.0.7"],
    ["2001:db8:0:1::1", "2001:db8:0:1"],
    ["2001:db8:0:1:5::2", "2001:db8:0:1"],
    ["2001:0DB8:0000:1:1:2:3:4", "2001:db8:0:1"],
    ["[2001:db8:0:2::1]", "2001:db8:0:2"],
    ["2001:db8::", "2001:db8:0:0"],
    ["::1", "0:0:0:0"],
    ["::", "0:0:0:0"],
  ];
  for (const [host, network] of hosts) {
    assertEquals(networkOfHost(host), network, host);
  }
});

test("networkOfHost() tells apart who is on the same link", () => {
  assertEquals(networkOfHost("fe80::1%eth0"), "fe80::1%eth0");
  assertEquals(networkOfHost("febf::2"), "febf::2");
});

test("networkOf() counts a Unix socket as one", () => {
  assertEquals(networkOf({ transport: "unix", path: "/run/x" }), "");
  assertEquals(
    networkOf({ transport: "tls", hostname: "10.0.0.1", port: 7 }),
    "10.0.0.1",
  );
});
