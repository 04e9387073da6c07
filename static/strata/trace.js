/**
 * Reads the record of a run (docs/reference/trace.md): header and columns, as typed arrays.
 * Nanoseconds are exact in a float64 below 2^53 (104 days), so no BigInt is needed.
 *
 * @typedef {Object} Trace
 * @property {any} header
 * @property {Object<string, Object<string, Int32Array|Float64Array>>} tables
 */

const MAGIC = "STRATA1\n";

/** @param {ArrayBuffer} buffer @returns {Trace} */
export function parse(buffer) {
  const magic = new TextDecoder().decode(new Uint8Array(buffer, 0, 8));
  if (magic !== MAGIC) throw new Error(`not a Strata trace: it starts with ${JSON.stringify(magic)}`);
  const view = new DataView(buffer);
  const size = view.getUint32(8, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 16, size)));
  const tables = {};
  for (const column of header.columns) {
    const table = (tables[column.table] ??= {});
    table[column.name] = read(view, 16 + size + column.offset, column, table);
  }
  delete header.columns;
  return { header, tables };
}

/**
 * One column, decoded: times and values as float64, all else as int32. Its bytes stand in planes: the lowest byte of every
 * row first, then the next of every row; the highest carries the sign.
 */
function read(view, at, { name, type, encoding, length }, table) {
  const wide = name.endsWith("_ns") || name === "value";
  const out = wide ? new Float64Array(length) : new Int32Array(length);
  const base = encoding.startsWith("from:") ? table[encoding.slice(5)] : null;
  const width = Number(type.slice(1)) / 8;
  let total = 0;
  for (let i = 0; i < length; i++) {
    let raw = view.getInt8(at + (width - 1) * length + i);
    for (let plane = width - 2; plane >= 0; plane--) raw = raw * 256 + view.getUint8(at + plane * length + i);
    if (encoding === "delta") out[i] = total += raw;
    else out[i] = base ? raw + base[i] : raw;
  }
  return out;
}

/** @param {string} url @returns {Promise<Trace>} */
export async function fetchTrace(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return parse(await answer.arrayBuffer());
}
