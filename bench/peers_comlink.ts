/** The worker of comlink. @module */
import { expose } from "comlink";

expose({ add: (k: number) => k + 1 });
// Its own messages are lost until it listens.
postMessage("ready");
