// The two workloads that every library runs, and what it says meanwhile: ../README.md.
//
//	node workload.js renew|contend KEY TTL_MS TASKS RUN_MS SEED OPTION URL...
import { Redis } from "ioredis";
import redlock from "redlock";

const Redlock = redlock.default ?? redlock;

// CLOCK_MONOTONIC, in microseconds.
const monotonic = () => Number(process.hrtime.bigint() / 1000n);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function say(task, event, more = {}) {
  process.stdout.write(JSON.stringify({ at_us: monotonic(), task, event, ...more }) + "\n");
}

// SplitMix64.
class Numbers {
  constructor(seed) {
    this.state = BigInt(seed);
  }
  below(bound) {
    const mask = (1n << 64n) - 1n;
    this.state = (this.state + 0x9e3779b97f4a7c15n) & mask;
    let z = this.state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask;
    return Number((z ^ (z >> 31n)) % BigInt(bound));
  }
}

// Whether a quorum said that the lock is somebody else's.
async function isTaken(error) {
  for (const attempt of error?.attempts ?? []) {
    const stats = await Promise.race([attempt, sleep(20)]);
    if (!stats) continue;
    const taken = [...stats.votesAgainst.values()].filter((why) => why?.name === "ResourceLockedError");
    if (taken.length >= stats.quorumSize) return true;
  }
  return false;
}

const [workload, key, ttl, tasks, run, seed, , ...urls] = process.argv.slice(2);
const ttlMs = Number(ttl);
const deadline = monotonic() + Number(run) * 1000;
const clients = urls.map((url) => {
  const client = new Redis(url);
  // Without a listener it prints.
  client.on("error", () => {});
  return client;
});
// One attempt each; the loop below asks again, as with the other libraries.
const locks = new Redlock(clients, { retryCount: 0, automaticExtensionThreshold: ttlMs / 2 });

const until = (lock) => monotonic() + Math.round((lock.expiration - Date.now()) * 1000);

async function denied(task, error) {
  say(task, "denied", { taken: await isTaken(error), error: String(error?.message ?? error) });
}

async function failed(task, error) {
  say(task, "failed", { taken: await isTaken(error), error: String(error?.message ?? error) });
}

async function release(task, lock) {
  say(task, "stops");
  try {
    await lock.release();
    say(task, "released");
  } catch (error) {
    say(task, "unreleased", { error: String(error?.message ?? error) });
  }
}

// `using` renews at half the TTL, and awaits a renewal under way before it releases.
async function renew(task, numbers) {
  while (monotonic() < deadline) {
    say(task, "asks");
    let isHeld = false;
    try {
      await locks.using([`${key}:${task}`], ttlMs, async (signal) => {
        isHeld = true;
        // It does not tell until when.
        say(task, "held");
        signal.addEventListener("abort", () => failed(task, signal.error));
        await sleep(ttlMs - 4 + numbers.below(8000) / 1000);
        say(task, "stops");
      });
      say(task, "released");
    } catch (error) {
      if (isHeld) {
        say(task, "unreleased", { error: String(error?.message ?? error) });
      } else {
        await denied(task, error);
      }
    }
    await sleep(numbers.below(10000) / 1000);
  }
}

// Holds the lock for a while, and renews it once in between.
async function contend(task, numbers) {
  while (monotonic() < deadline) {
    say(task, "asks");
    let lock;
    try {
      lock = await locks.acquire([key], ttlMs);
    } catch (error) {
      await denied(task, error);
      await sleep(5 + numbers.below(15000) / 1000);
      continue;
    }
    say(task, "held", { until_us: until(lock) });
    const part = (ttlMs * 2) / 5;
    await sleep(part);
    try {
      lock = await lock.extend(ttlMs);
      say(task, "extended", { until_us: until(lock) });
      await sleep(part);
    } catch (error) {
      await failed(task, error);
    }
    await release(task, lock);
    await sleep(numbers.below(20000) / 1000);
  }
}

const all = [];
for (let task = 0; task < Number(tasks); task++) {
  const numbers = new Numbers(BigInt(seed) * 1000003n + BigInt(task));
  all.push(workload === "renew" ? renew(task, numbers) : contend(task, numbers));
}
await Promise.all(all);
say(0, "done");
process.exit(0);
