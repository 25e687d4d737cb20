/** What every store promises; each store has a test that runs it. */
import assert from "node:assert/strict";
import { SnapshotError, type SnapshotReason, type SnapshotStore } from "@dramatis/dramatis";

/** Makes stores to test. */
export interface StoreKind {
  readonly name: string;
  readonly ignore?: boolean;
  /** A place of its own for one test. */
  open(): Promise<TestStore>;
}

/** One place, which may be opened again and again. */
export interface TestStore extends AsyncDisposable {
  /** Whether what was put is there when it is opened again. */
  readonly isDurable: boolean;
  open(): Promise<SnapshotStore>;
}

/** Rejects with a reason. */
export async function refused(work: Promise<unknown>, reason: SnapshotReason): Promise<void> {
  const error = await work.then(() => "kept", (error) => error);
  assert(error instanceof SnapshotError, String(error));
  assert.equal(error.reason, reason);
}

const bytes = (...numbers: number[]) => Uint8Array.from(numbers);

/** Registers the contract for one store. */
export function testStore(kind: StoreKind): void {
  const test = (name: string, body: (store: SnapshotStore, place: TestStore) => Promise<void>) =>
    Deno.test({
      name: `${kind.name}: ${name}`,
      ignore: kind.ignore === true,
      async fn() {
        await using place = await kind.open();
        await using store = await place.open();
        await body(store, place);
      },
    });

  test("what was put last is there for the next who claims it", async (store) => {
    const first = await store.claim("a");
    assert.equal(first.bytes, null);
    await first.put(bytes(1));
    await first.put(bytes(2, 3));
    const second = await store.claim("a");
    assert.deepEqual(second.bytes, bytes(2, 3));
    assert.equal((await store.claim("b")).bytes, null);
  });

  test("whoever was there before a claim is fenced, for good", async (store) => {
    const old = await store.claim("a");
    await old.put(bytes(1));
    const young = await store.claim("a");
    await refused(old.put(bytes(9)), "fenced");
    await young.put(bytes(2));
    await refused(old.put(bytes(9)), "fenced");
    await old.delete();
    assert.deepEqual((await store.claim("a")).bytes, bytes(2));
  });

  test("a claim that puts nothing leaves what is there", async (store) => {
    await (await store.claim("a")).put(bytes(7));
    await store.claim("a");
    assert.deepEqual((await store.claim("a")).bytes, bytes(7));
  });

  test("what is deleted is gone, and its slot with it once the key is claimed", async (store) => {
    const slot = await store.claim("a");
    await slot.put(bytes(1));
    await slot.delete();
    const next = await store.claim("a");
    assert.equal(next.bytes, null);
    await refused(slot.put(bytes(2)), "fenced");
    await next.put(bytes(3));
    assert.deepEqual((await store.claim("a")).bytes, bytes(3));
  });

  test("keys are any strings, and bytes are the store's own", async (store) => {
    const keys = ["uid:a b", "uid:a.b", "uid:ä/*>", "name:a b", "uid:" + "x".repeat(500)];
    for (const [i, key] of keys.entries()) {
      const mine = bytes(i, 1);
      await (await store.claim(key)).put(mine);
      mine.fill(9);
    }
    for (const [i, key] of keys.entries()) {
      assert.deepEqual((await store.claim(key)).bytes, bytes(i, 1));
    }
  });

  test("of many claims at once the last alone can put", async (store) => {
    await (await store.claim("a")).put(bytes(1));
    const slots = await Promise.all(Array.from({ length: 8 }, () => store.claim("a")));
    const done = await Promise.allSettled(slots.map((slot, i) => slot.put(bytes(10 + i))));
    const kept = done.flatMap(({ status }, i) => status === "fulfilled" ? [10 + i] : []);
    assert.equal(kept.length, 1);
    assert.deepEqual([...(await store.claim("a")).bytes!], kept);
  });

  test("large ones and many are kept whole", async (store) => {
    const large = crypto.getRandomValues(new Uint8Array(60_000));
    const slots = await Promise.all(
      Array.from({ length: 200 }, (_, i) => store.claim(`many ${i}`)),
    );
    await Promise.all(slots.map((slot, i) => slot.put(large.subarray(0, 300 * i))));
    const again = await Promise.all(slots.map((_, i) => store.claim(`many ${i}`)));
    again.forEach((slot, i) => {
      assert.deepEqual(slot.bytes ?? bytes(), large.subarray(0, 300 * i));
    });
  });

  test("what was kept outlives the store, if it says so", async (store, place) => {
    await (await store.claim("a")).put(bytes(1, 2));
    await store[Symbol.asyncDispose]();
    await using again = await place.open();
    assert.deepEqual((await again.claim("a")).bytes, place.isDurable ? bytes(1, 2) : null);
  });
}
