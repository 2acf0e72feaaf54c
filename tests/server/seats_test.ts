import { assertEquals } from "@std/assert";
import { Seats } from "../../server/_admission.ts";
import { test } from "../_test.ts";

/** Seats whose owners do what a test says. */
function seatsOf(most: number, perNetwork: number, yieldAfter = 0) {
  const activity = new Map<string, number | undefined>();
  const ended: string[] = [];
  const seats = new Seats<string>({
    most,
    perNetwork,
    yieldAfter,
    activity: (one) => activity.has(one) ? activity.get(one) : 0,
    end: (one) => ended.push(one),
  });
  return { seats, activity, ended };
}

test("Seats tells of what there is too little", () => {
  const { seats } = seatsOf(3, 2);
  assertEquals(seats.shortage("a"), undefined);
  seats.take("a1", "a");
  seats.take("a2", "a");
  assertEquals([seats.shortage("a"), seats.shortage("b")], [
    "network",
    undefined,
  ]);
  seats.take("b1", "b");
  assertEquals([seats.shortage("a"), seats.shortage("c")], ["all", "all"]);
  assertEquals([seats.leave("a1"), seats.leave("a1")], [true, false]);
  assertEquals([seats.size, seats.shortage("a")], [2, undefined]);
});

test("Seats.makeRoom() ends who has done nothing for longest", () => {
  const { seats, activity, ended } = seatsOf(3, 3);
  for (const one of ["a1", "a2", "a3"]) seats.take(one, "a");
  activity.set("a1", 1);
  assertEquals(seats.makeRoom("a"), true);
  assertEquals(ended, ["a2"]);
  assertEquals(seats.makeRoom("a"), true);
  assertEquals(ended, ["a2"]);
});

test("Seats.makeRoom() takes from the network that has the most, and from none that has fewer", () => {
  const { seats, ended } = seatsOf(4, 4);
  for (const one of ["b1", "a1", "a2", "a3"]) seats.take(one, one[0]!);
  assertEquals(seats.makeRoom("b"), true);
  assertEquals(ended, ["a1"]);
  const full = seatsOf(3, 3, 0);
  for (const one of ["a1", "b1", "b2"]) full.seats.take(one, one[0]!);
  for (const one of ["b1", "b2"]) full.activity.set(one, undefined);
  assertEquals(full.seats.makeRoom("b"), false);
  assertEquals(full.ended, []);
});

test("Seats.makeRoom() spares who waits for something, and who did something just now", () => {
  const { seats, activity, ended } = seatsOf(3, 2, 1e6);
  seats.take("a1", "a");
  seats.take("a2", "a");
  activity.set("a1", undefined);
  assertEquals(seats.makeRoom("a"), false);
  assertEquals(seats.makeRoom("b"), true);
  assertEquals(ended, []);
});

test("Seats.makeRoom() of a network at its own bound takes from that", () => {
  const { seats, ended } = seatsOf(9, 2);
  for (const one of ["b1", "a1", "a2", "c1"]) seats.take(one, one[0]!);
  assertEquals(seats.makeRoom("a"), true);
  assertEquals(ended, ["a1"]);
});

test("Seats.refresh() counts from then on", () => {
  const { seats, activity, ended } = seatsOf(1, 1);
  seats.take("a1", "a");
  activity.set("a1", 7);
  seats.refresh("a1");
  seats.refresh("nobody");
  assertEquals(seats.makeRoom("b"), true);
  assertEquals(ended, ["a1"]);
});

test("Seats.shed() ends those that do nothing, of the network that has the most first", () => {
  const { seats, activity, ended } = seatsOf(9, 9);
  for (const one of ["b1", "a1", "a2", "a3"]) seats.take(one, one[0]!);
  activity.set("a3", undefined);
  seats.shed(2);
  assertEquals(ended, ["a1", "a2"]);
  seats.shed(9);
  assertEquals([ended, seats.size], [["a1", "a2", "b1"], 1]);
});
