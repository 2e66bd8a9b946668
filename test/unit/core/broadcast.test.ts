import { expect, test } from "vitest";
import { createBroadcast } from "../../../src/core/broadcast.js";

/** A room whose turns end when the test says so. */
const room = () => {
  const tasks: (() => void)[] = [];
  const opened = createBroadcast((task) => tasks.push(task));
  return { ...opened, endTurn: () => tasks.shift()?.(), turnsLeft: () => tasks.length };
};
const enter = (opened: ReturnType<typeof room>, signal = new AbortController().signal) =>
  opened.enter(signal);

/** Whether it has resolved by now. */
const isResolved = async (news: Promise<void>): Promise<boolean> =>
  Promise.race([news.then(() => true), new Promise<void>(setImmediate).then(() => false)]);

test("everybody hears of the news, and waits again for the next", async () => {
  const opened = room();
  const subscribers = [enter(opened), enter(opened)];
  const first = subscribers.map((subscriber) => subscriber.news());
  expect(await Promise.all(first.map(isResolved))).toEqual([false, false]);
  opened.callAll();
  expect(await Promise.all(first.map(isResolved))).toEqual([true, true]);
  expect(await isResolved(subscribers[0]?.news() ?? Promise.resolve())).toBe(false);
});

test("news that came while a subscriber was busy is heard at once, and only once", async () => {
  const opened = room();
  const subscriber = enter(opened);
  opened.callAll();
  opened.callAll();
  expect(await isResolved(subscriber.news())).toBe(true);
  expect(await isResolved(subscriber.news())).toBe(false);
});

test("a crowd is called over several turns", async () => {
  const opened = room();
  const crowd = Array.from({ length: 250 }, () => enter(opened).news());
  const heard = async () => (await Promise.all(crowd.map(isResolved))).filter(Boolean).length;
  opened.callAll();
  expect(await heard()).toBe(100);
  opened.endTurn();
  expect(await heard()).toBe(200);
  opened.endTurn();
  expect(await heard()).toBe(250);
  expect(opened.turnsLeft()).toBe(0);
});

test("who is called away waits no more, and who leaves is not counted", async () => {
  const opened = room();
  const call = new AbortController();
  const subscriber = enter(opened, call.signal);
  const news = subscriber.news();
  call.abort();
  expect(await isResolved(news)).toBe(true);
  expect(await isResolved(subscriber.news())).toBe(true);
  expect(opened.size()).toBe(1);
  subscriber.leave();
  expect(opened.size()).toBe(0);
});
