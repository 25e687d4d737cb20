/** The entry of the worker in a child process, where the actors of a process pool live. */
import { CPU } from "../core/device.ts";
import { connectToHost } from "./process_uplink.ts";
import { runWorker } from "./worker_runtime.ts";

runWorker(() => Promise.resolve({ device: CPU, resources: {} }), connectToHost);
