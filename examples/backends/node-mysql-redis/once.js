// One login per code, however often it is submitted: a double tap, a gateway's retry, a second listener.

// As long as WeChat's codes live.
const MEMORY_MS = 300_000;

/** Promises by code, in this process. Failures are shared with those who waited and then forgotten. */
export class OncePerCode {
  #jobs = new Map();

  run(code, work) {
    this.#forgetOld();
    const known = this.#jobs.get(code);
    if (known) return known.result;
    const job = { since: Date.now(), result: work() };
    this.#jobs.set(code, job);
    job.result.catch(() => {
      if (this.#jobs.get(code) === job) this.#jobs.delete(code);
    });
    return job.result;
  }

  forget(code) {
    this.#jobs.delete(code);
  }

  #forgetOld() {
    for (const [code, { since }] of this.#jobs) {
      if (Date.now() - since < MEMORY_MS) return;
      this.#jobs.delete(code);
    }
  }
}
