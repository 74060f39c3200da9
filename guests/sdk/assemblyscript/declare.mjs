// Appends a declaration to a module, as the custom section `tidegate:algorithm`.
// Usage: node declare.mjs algorithm.toml module.wasm
import { readFileSync, writeFileSync } from "node:fs";

const SECTION = "tidegate:algorithm";

/** Returns a number as WebAssembly writes lengths (unsigned LEB128). */
function length(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
}

const [declaration, module] = process.argv.slice(2);
const wasm = readFileSync(module);
if (WebAssembly.Module.customSections(new WebAssembly.Module(wasm), SECTION).length > 0) {
  throw new Error(`${module} has a declaration already`);
}
const name = Buffer.from(SECTION);
const content = Buffer.concat([length(name.length), name, readFileSync(declaration)]);
writeFileSync(module, Buffer.concat([wasm, Buffer.from([0]), length(content.length), content]));
