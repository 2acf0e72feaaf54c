import { assertEquals, assertThrows } from "@std/assert";
import { WireError } from "../../wire/base/errors.ts";
import { findService, servicePort } from "../../wire/lines/line_stream.ts";
import { test } from "../_test.ts";

const TEXT = `# Network services
tcpmux\t\t1/tcp\t\t\t\t# a comment
echo 7/udp
echo\t7/tcp
http   80/tcp   www   # WorldWideWeb HTTP
dns    53/udp
late   99999/tcp
odd    x/tcp
short
windows 4000/TCP alias\r
#hidden 5/tcp
`;

const FOUND: [string, number | undefined][] = [
  ["tcpmux", 1],
  ["echo", 7],
  ["http", 80],
  ["www", 80],
  ["windows", 4000],
  ["alias", 4000],
  ["dns", undefined],
  ["late", undefined],
  ["odd", undefined],
  ["short", undefined],
  ["hidden", undefined],
  ["#hidden", undefined],
  ["WorldWideWeb", undefined],
  ["constructor", undefined],
];

for (const [name, port] of FOUND) {
  test(`findService() finds ${port} for ${name}`, () => {
    assertEquals(findService(TEXT, name), port);
  });
}

const file = { path: "/etc/services", read: () => TEXT };

test("servicePort() takes ports as they are, without reading the file", () => {
  const unread = { path: "", read: () => assertEquals(true, false) as never };
  assertEquals(servicePort(0, unread), 0);
  assertEquals(servicePort(10243, unread), 10243);
  assertEquals(servicePort("10243", unread), 10243);
  assertEquals(servicePort("www", file), 80);
});

test("servicePort() says where it looked, and suggests a number", () => {
  const error = assertThrows(() => servicePort("lispworks", file), WireError);
  assertEquals(error.code, "unknownService");
  for (const part of ["lispworks", "/etc/services", "number"]) {
    assertEquals(error.message.includes(part), true, error.message);
  }
});

test("servicePort() reports a file that cannot be read", () => {
  const cause = new Error("no such file");
  const broken = {
    path: "C:\\services",
    read: () => {
      throw cause;
    },
  };
  const error = assertThrows(() => servicePort("www", broken), WireError);
  assertEquals(error.code, "unknownService");
  assertEquals(error.cause, cause);
  assertEquals(error.message.includes("C:\\services"), true);
});

test("servicePort() refuses what is no port and no name", () => {
  for (const bad of [-1, 65536, 1.5, NaN, "", "two words", "70000"]) {
    const error = assertThrows(() => servicePort(bad, file), WireError);
    assertEquals(error.code, "invalidArgument", String(bad));
  }
});

test("servicePort() takes digits for a port, and nothing that is like them", () => {
  const unread = { path: "", read: () => assertEquals(true, false) as never };
  for (const [digits, port] of [["0", 0], ["7", 7], ["00080", 80]] as const) {
    assertEquals(servicePort(digits, unread), port);
  }
  assertEquals(servicePort("65535", unread), 65535);
  const error = assertThrows(() => servicePort("65536", unread), WireError);
  assertEquals(error.code, "invalidArgument");
  // These are names, which the file does not have.
  for (
    const name of ["0x50", "1e3", "80.0", "+80", "-80", "８０", "٨٠", "000080"]
  ) {
    const error = assertThrows(() => servicePort(name, file), WireError);
    assertEquals(error.code, "unknownService", name);
  }
  for (const bad of [" 80", "80 ", "8 0", "80\n", "80#"]) {
    const error = assertThrows(() => servicePort(bad, file), WireError);
    assertEquals(error.code, "invalidArgument", JSON.stringify(bad));
  }
});
