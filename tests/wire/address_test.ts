import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  checkPort,
  formatAddress,
  hostName,
  type WireAddress,
} from "../../wire/transport/transport.ts";
import { WireError } from "../../wire/base/errors.ts";
import { test } from "../_test.ts";

test("formatAddress() reads as one writes an address", () => {
  const addresses: [WireAddress, string][] = [
    [{ transport: "tcp", hostname: "127.0.0.1", port: 7000 }, "127.0.0.1:7000"],
    [{ transport: "tcp", hostname: "localhost", port: 0 }, "localhost:0"],
    [{ transport: "tls", hostname: "::1", port: 65535 }, "[::1]:65535"],
    [{ transport: "unix", path: "/run/wire.sock" }, "/run/wire.sock"],
    [{ transport: "nats", name: "jobs" }, "nats jobs"],
    [{ transport: "memory" }, "memory"],
    [{ transport: "streams" }, "streams"],
  ];
  for (const [address, text] of addresses) {
    assertEquals(formatAddress(address), text);
  }
});

test("hostName() takes names, addresses and 32-bit integers", () => {
  const hosts: [string | number | bigint, string][] = [
    ["localhost", "localhost"],
    ["::1", "::1"],
    ["10.0.0.1", "10.0.0.1"],
    [0, "0.0.0.0"],
    [1, "0.0.0.1"],
    [0x7f000001, "127.0.0.1"],
    [0x80000000, "128.0.0.0"],
    [0xc0a80102, "192.168.1.2"],
    [0xffffffff, "255.255.255.255"],
    [0n, "0.0.0.0"],
    [0xffffffffn, "255.255.255.255"],
  ];
  for (const [host, name] of hosts) assertEquals(hostName(host), name);
});

function refused(action: () => unknown, shown: string): void {
  const error = assertThrows(action);
  assert(error instanceof WireError, `${error}`);
  assertEquals(error.code, "invalidArgument");
  assert(error.message.includes(shown), error.message);
}

test("hostName() refuses anything else, and shows it", () => {
  for (const host of ["", -1, 0x100000000, 1.5]) {
    refused(() => hostName(host), JSON.stringify(host));
  }
  for (const host of [NaN, Infinity, -Infinity, -1n, 2n ** 32n, 2n ** 65n]) {
    refused(() => hostName(host), "not");
  }
  for (const host of [undefined, null, {}, [1], true]) {
    refused(() => hostName(host as unknown as string), "not");
  }
});

test("checkPort() takes 0 to 65535, and shows what else came", () => {
  for (const port of [0, 1, 7000, 65535]) assertEquals(checkPort(port), port);
  for (const port of [-1, 65536, 1.5, 2 ** 32]) {
    refused(() => checkPort(port), `${port}`);
  }
  for (const port of [NaN, Infinity, undefined, null, "7000", "", {}, [7000]]) {
    refused(() => checkPort(port as unknown as number), "0 to 65535");
  }
});
