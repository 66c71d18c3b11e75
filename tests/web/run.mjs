// Runs calls of ONNX graphs with what browsers have: onnxruntime-web, its CPU
// in WebAssembly. `node run.mjs calls.json`: each call names a graph, its inputs
// as raw little-endian files with type and shape, and the file of its output.
import { readFileSync, writeFileSync } from "node:fs";
import * as ort from "onnxruntime-web";

ort.env.wasm.numThreads = 1;

const ARRAYS = { float32: Float32Array, int32: Int32Array };

function tensor({ file, dtype, shape }) {
  const bytes = Uint8Array.from(readFileSync(file));
  return new ort.Tensor(dtype, new ARRAYS[dtype](bytes.buffer), shape);
}

const calls = JSON.parse(readFileSync(process.argv[2], "utf8"));
for (const { graph, inputs, output } of calls) {
  const session = await ort.InferenceSession.create(readFileSync(graph), {
    executionProviders: ["wasm"],
  });
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => [name, tensor(input)]),
  );
  const result = (await session.run(feeds))[session.outputNames[0]];
  writeFileSync(output, new Uint8Array(result.data.buffer));
}
