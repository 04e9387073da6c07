import { parse } from "/static/strata/trace.js";
import { equal, test, throws } from "./harness.js";
import { file, sampleFile, SPANS } from "./sample.js";

test("every column comes back as it was, whatever its width and encoding", () => {
  const { tables } = parse(sampleFile());
  equal([...tables.spans.parent], SPANS.map((row) => row[0]));
  equal([...tables.spans.start_ns], SPANS.map((row) => row[7]));
  equal([...tables.spans.end_ns], SPANS.map((row) => row[8]));
  equal([...tables.spans.timing], SPANS.map((row) => row[9]));
});

test("columns have as many bytes as they need, also three, and keep their sign", () => {
  for (const [type, values] of [["i8", [-128, 127]], ["i24", [-8388608, 8388607, 1]], ["i40", [-549755813888, 549755813887]]]) {
    const { tables } = parse(file({}, [{ table: "t", name: "value", type, encoding: "plain", values }]));
    equal([...tables.t.value], values, type);
  }
});

test("nanoseconds of a hundred days stay exact", () => {
  const days = 100 * 86400e9 + 1;
  const { tables } = parse(file({}, [{ table: "t", name: "at_ns", type: "i64", encoding: "delta", values: [days, -3, 0] }]));
  equal([...tables.t.at_ns], [days, days - 3, days - 3]);
});

test("a file that is none of ours is refused by name", () => {
  throws(() => parse(new TextEncoder().encode("GIF89a, which is something else").buffer), "not a Strata trace");
});
