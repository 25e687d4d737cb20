/** The entry of a worker pool. Its module graph is what every worker loads: only what an actor needs. */
import { CPU } from "../core/device.ts";
import { runWorker } from "./worker_runtime.ts";

runWorker(() => Promise.resolve({ device: CPU, resources: {} }));
