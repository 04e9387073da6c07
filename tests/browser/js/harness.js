/** `test("a claim", () => …)`: collected here, run one by one by tests/browser/test_player_units.py. */

/** @type {Map<string, () => void|Promise<void>>} */
export const tests = new Map();

export function test(name, body) {
  tests.set(name, body);
}

export function equal(found, expected, what = "") {
  const a = JSON.stringify(found), b = JSON.stringify(expected);
  if (a !== b) throw new Error(`${what ? `${what}: ` : ""}found ${a}, expected ${b}`);
}

export function ok(condition, what) {
  if (!condition) throw new Error(what);
}

export function throws(body, part) {
  try {
    body();
  } catch (error) {
    return ok(error.message.includes(part), `"${error.message}" does not say "${part}"`);
  }
  throw new Error(`nothing was thrown; expected "${part}"`);
}
