/** The entry of a gpu pool: a worker that owns one device. */
import { runWorker } from "../src/pool/worker_runtime.ts";
import { openDevice } from "./worker_device.ts";

runWorker(openDevice);
