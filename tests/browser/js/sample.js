/**
 * A small run written as the engine writes it: a machine with a disk, a kernel, and two reads of a workload on it.
 *
 *   ns    0    100   150        400   420   500        700  800
 *   boot  |power|---------------------|                            (wait 100, cpu 150 … ready at 400)
 *   read 1                            |cpu|queue|device|cpu|       420–500 queue, 500–700 device
 */
import { Model } from "/static/strata/model.js";
import { parse } from "/static/strata/trace.js";

export const SPANS = [
  // parent, cause, request, node, op, thread, kind, start, end, timing
  [-1, -1, 0, 0, 0, 0, 4, 0, 400, -1], // 0 boot of the machine
  [0, -1, 0, 0, 1, 0, 1, 0, 100, 0], // 1 power supply: wait
  [0, -1, 0, 2, 0, 0, 4, 100, 400, -1], // 2 boot of the kernel
  [2, -1, 0, 2, 2, 0, 0, 100, 400, 1], // 3 decompress: cpu
  [-1, -1, 1, 3, 3, 0, 4, 400, 800, -1], // 4 a read of the workload
  [4, -1, 1, 2, 3, 0, 4, 400, 800, -1], // 5 in the kernel
  [5, -1, 1, 2, 4, 0, 0, 400, 420, 2], // 6 entry
  [5, -1, 1, 1, 3, 0, 4, 420, 700, -1], // 7 in the disk
  [7, -1, 1, 1, 5, 0, 2, 420, 500, -1], // 8 device queue
  [7, -1, 1, 1, 6, 0, 3, 500, 700, 3], // 9 flash
  [5, -1, 1, 2, 7, 1, 0, 700, 800, 4], // 10 completion, on the interrupt thread …
  [10, -1, 1, 2, 8, 1, 2, 730, 750, -1], // 11 … which lost its CPU for 20 ns
];
const NAMES = ["parent", "cause", "request", "node", "op", "thread", "kind", "start_ns", "end_ns", "timing"];

export const HEADER = {
  version: 1, scenario_id: "sample", seed: 1, engine: "0", ledger: "0", end_ns: 800, cut: null,
  nodes: [
    { id: "host", is: "server", role: "machine", parent: -1, beside: false, owner: -1, tenant: false, settings: { cpus: 2 } },
    { id: "host.disk", is: "nvme", role: "device", parent: 0, beside: false, owner: 0, tenant: false, settings: {} },
    { id: "host-os", is: "linux", role: "kernel", parent: 0, beside: false, owner: -1, tenant: false, settings: {} },
    { id: "random-read", is: "random-read", role: "workload", parent: 2, beside: false, owner: -1, tenant: false, settings: {} },
  ],
  ops: ["boot", "power_supply", "decompress", "read", "syscall_entry", "device_queue", "medium_read", "blk_complete", "run_queue"].map(
    (op) => ({ node: -1, is: ["boot", "read", "device_queue", "run_queue"].includes(op) ? "" : op === "power_supply" ? "server" : op === "medium_read" ? "nvme" : "linux", op }),
  ),
  timings: [100, 300, 20, 200, 80].map((ns, i) => ({ is: "linux", op: `op${i}`, time: `${ns} ns`, ns, per: null, spread: "none", status: "assumed", source: null, where: null, machine: null, borrowed: false, reason: "a test" })),
  threads: [{ id: "app", node: 3, name: "app" }, { id: "irq", node: 2, name: "irq" }],
  kinds: ["cpu", "wait", "queue", "device", "serve"], request_kinds: ["boot", "read"], instant_kinds: ["exit", "interrupt", "fault", "marker"],
  texts: [{ is: "linux", text: "hello", params: {} }], workloads: ["random-read"], series: [],
  outcome: { workloads: {}, nodes: { host: { ready_ns: 100, state: "ready" }, "host-os": { ready_ns: 400, state: "ready" } }, host_ready_ns: 400, lane: { start_ns: 400, end_ns: 800, power_on_ns: 0 } },
};

/** A trace file of columns `{table, name, type, encoding, values}`; `values` as they stand in the file. */
export function file(header, columns) {
  const parts = [];
  let offset = 0;
  const listed = columns.map(({ table, name, type, encoding, values }) => {
    const size = Number(type.slice(1)) / 8;
    const view = new DataView(new ArrayBuffer(Math.ceil((values.length * size) / 8) * 8));
    values.forEach((value, i) => {
      const bytes = BigInt.asUintN(64, BigInt(value));
      for (let plane = 0; plane < size; plane++)
        view.setUint8(plane * values.length + i, Number((bytes >> BigInt(8 * plane)) & 255n));
    });
    parts.push(new Uint8Array(view.buffer));
    const column = { table, name, type, encoding, offset, length: values.length };
    offset += view.byteLength;
    return column;
  });
  let text = JSON.stringify({ ...header, columns: listed });
  text += " ".repeat((8 - (new TextEncoder().encode(text).length % 8)) % 8);
  const head = new TextEncoder().encode(text);
  const out = new Uint8Array(16 + head.length + offset);
  out.set(new TextEncoder().encode("STRATA1\n"));
  new DataView(out.buffer).setUint32(8, head.length, true);
  out.set(head, 16);
  let at = 16 + head.length;
  for (const part of parts) out.set(part, at), (at += part.length);
  return out.buffer;
}

const delta = (values) => values.map((value, i) => value - (i ? values[i - 1] : 0));

export function sampleFile(spans = SPANS, header = HEADER) {
  const column = (name) => spans.map((row) => row[NAMES.indexOf(name)]);
  const ids = spans.map((_, i) => i);
  const table = (table, names, rows) => names.map((name, i) => ({ table, name, type: name.endsWith("_ns") ? "i64" : "i32", encoding: "plain", values: rows.map((row) => row[i]) }));
  return file(header, [
    { table: "spans", name: "id", type: "i8", encoding: "delta", values: delta(ids) },
    { table: "spans", name: "parent", type: "i16", encoding: "from:id", values: column("parent").map((p, i) => p - i) },
    ...["cause", "request", "node", "op", "thread", "kind"].map((name) => ({ table: "spans", name, type: "i8", encoding: "plain", values: column(name) })),
    { table: "spans", name: "start_ns", type: "i64", encoding: "delta", values: delta(column("start_ns")) },
    { table: "spans", name: "end_ns", type: "i32", encoding: "from:start_ns", values: column("end_ns").map((end, i) => end - column("start_ns")[i]) },
    { table: "spans", name: "timing", type: "i8", encoding: "plain", values: column("timing") },
    { table: "spans", name: "count", type: "i8", encoding: "plain", values: spans.map((row) => row[10] ?? 1) },
    ...table("instants", ["at_ns", "kind", "node", "request", "span"], [[700, 1, 2, 1, 10]]),
    ...table("wakeups", ["at_ns", "waker", "woken", "request", "span"], [[700, -1, 1, 1, 10]]),
    ...table("logs", ["at_ns", "node", "text", "request"], [[300, 2, 0, -1]]),
    ...table("counters", ["at_ns", "series", "value"], []),
    ...table("requests", ["id", "kind", "workload", "node", "span", "start_ns", "end_ns", "cause"], [[0, 0, -1, 0, 0, 0, 400, -1], [1, 1, 0, 3, 4, 400, 800, -1]]),
  ]);
}

export function sample(options) {
  return new Model(parse(sampleFile()), options);
}

/** One request of so many phases, with so many stops of 10 ns each, end to end. */
export function flow(phases) {
  const spans = [[-1, -1, 0, 0, 0, 0, 4, 0, 0, -1]];
  let now = 0;
  for (const n of phases) {
    const phase = spans.push([0, -1, 0, 2, 0, 0, 4, now, now + 10 * n, -1]) - 1;
    for (let i = 0; i < n; i++, now += 10) spans.push([phase, -1, 0, 2, 2, 0, 0, now, now + 10, 1]);
  }
  spans[0][8] = now;
  return parsed(spans, [[0, 0, -1, 0, 0, 0, now, -1]], now);
}

/** A long run: `n` spans of 10 ns back to back on one node, every hundredth overlapped by a long one. */
export function long(n) {
  const spans = [];
  for (let i = 0; i < n; i++) {
    spans.push([-1, -1, i % 1000, 2, 2, 0, 0, i * 10, i * 10 + 10, 1]);
    if (i % 100 === 0) spans.push([-1, -1, i % 1000, 1, 6, 0, 3, i * 10, i * 10 + 50000, 3]);
  }
  const requests = Array.from({ length: 1000 }, (_, i) => [i, 1, 0, 3, -1, 0, n * 10, -1]);
  return parsed(spans, requests, n * 10 + 50000);
}

function parsed(spans, requests, end_ns) {
  const columns = NAMES.map((name, k) => [name, name.endsWith("_ns") ? Float64Array.from(spans, (row) => row[k]) : Int32Array.from(spans, (row) => row[k])]);
  const names = ["id", "kind", "workload", "node", "span", "start_ns", "end_ns", "cause"];
  const tables = {
    spans: { id: Int32Array.from(spans, (_, i) => i), count: Int32Array.from(spans, (row) => row[10] ?? 1), ...Object.fromEntries(columns) },
    instants: { at_ns: new Float64Array(0), kind: new Int32Array(0), node: new Int32Array(0) },
    logs: { at_ns: new Float64Array(0) }, wakeups: {}, counters: {},
    requests: Object.fromEntries(names.map((name, k) => [name, Int32Array.from(requests, (row) => row[k])])),
  };
  return new Model({ header: { ...HEADER, end_ns }, tables });
}
