// Runs an exported model in ONNX Runtime and compares what it says with mwnet's.
// usage: compare.js MODEL.onnx DATA.npy|DATA.idx.gz|DATA.bin WANTED.npy [logits]
// WANTED has probabilities, or logits; log-probabilities are compared in the first case. Prints
// the largest difference; exit code 1 if it is above 1e-4 (of the largest number, if above 1).
"use strict";
const fs = require("fs");
const zlib = require("zlib");
const { createRequire } = require("module");
const ort = createRequire(process.env.ONNX_MODULES + "/")("onnxruntime-node");

// A float32 array of NumPy: {shape, data}.
function readNpy(path) {
    const bytes = fs.readFileSync(path);
    const start = 10 + bytes.readUInt16LE(8);
    const header = bytes.toString("latin1", 10, start);
    if (!header.includes("'<f4'")) throw new Error(path + ": not float32");
    const shape = header.match(/'shape': \(([^)]*)\)/)[1].split(",").filter((x) => x.trim());
    return {
        shape: shape.map(Number),
        data: new Float32Array(bytes.buffer.slice(bytes.byteOffset + start,
                                                  bytes.byteOffset + bytes.length)),
    };
}

// Bytes of pictures divided by 255: {shape, data}.
function readPictures(path) {
    const file = fs.readFileSync(path);
    if (path.endsWith(".gz")) {
        const bytes = zlib.gunzipSync(file);
        const shape = [4, 8, 12].map((at) => bytes.readUInt32BE(at));
        const data = Float32Array.from(bytes.subarray(16), (x) => x / 255);
        return { shape: [shape[0], 1, shape[1], shape[2]], data };
    }
    const size = 3072, n = file.length / (size + 1), data = new Float32Array(n * size);
    for (let i = 0; i < n; i++)
        for (let j = 0; j < size; j++) data[i * size + j] = file[i * (size + 1) + 1 + j] / 255;
    return { shape: [n, 3, 32, 32], data };
}

function logSumExp(row) {
    const top = Math.max(...row);
    return top + Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0));
}

async function main() {
    const [model, data, wanted, kind] = process.argv.slice(2);
    const input = data.endsWith(".npy") ? readNpy(data) : readPictures(data);
    const expected = readNpy(wanted);
    const session = await ort.InferenceSession.create(model);
    if (session.inputNames.join() !== "input" || session.outputNames.join() !== "logits")
        throw new Error("inputs " + session.inputNames + ", outputs " + session.outputNames);
    const [n, classes] = expected.shape;
    const size = input.data.length / input.shape[0];
    let worst = 0, largest = 1;
    for (let from = 0; from < n; from += 50) { // the last batch is smaller, as in 256 of 50
        const count = Math.min(50, n - from);
        const part = input.data.slice(from * size, (from + count) * size);
        const tensor = new ort.Tensor("float32", part, [count, ...input.shape.slice(1)]);
        const { logits } = await session.run({ input: tensor });
        if (logits.dims.join() !== [count, classes].join())
            throw new Error("logits of shape " + logits.dims);
        for (let i = 0; i < count; i++) {
            const row = Array.from(logits.data.slice(i * classes, (i + 1) * classes));
            const shift = kind === "logits" ? 0 : logSumExp(row);
            for (let k = 0; k < classes; k++) {
                const known = expected.data[(from + i) * classes + k];
                if (kind !== "logits" && known < 1e-30) continue; // nothing left of float32
                const target = kind === "logits" ? known : Math.log(known);
                largest = Math.max(largest, Math.abs(row[k]));
                worst = Math.max(worst, Math.abs(row[k] - shift - target));
                if (!(Math.abs(row[k] - shift - target) < Infinity))
                    throw new Error("logit " + k + " of sample " + (from + i) + ": " + row[k]);
            }
        }
    }
    console.log(`${n} samples, largest logit ${largest.toFixed(2)}, largest difference ` +
                worst.toExponential(1));
    process.exit(worst <= 1e-4 * largest ? 0 : 1);
}

main().catch((error) => {
    console.error(String(error));
    process.exit(1);
});
