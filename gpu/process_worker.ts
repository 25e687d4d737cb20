/** The entry of a gpu pool in a process of its own: the worker in it that owns the device. */
import { connectToHost } from "../src/pool/process_uplink.ts";
import { runWorker } from "../src/pool/worker_runtime.ts";
import { openDevice } from "./worker_device.ts";

runWorker(openDevice, connectToHost);
