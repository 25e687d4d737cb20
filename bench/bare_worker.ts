/** The other end of the bare primitives: a worker that echoes what comes on a port. @module */

self.addEventListener("message", ({ data }: MessageEvent<MessagePort>) => {
  const port = data;
  port.onmessage = (event) => {
    if (event.data === null) port.close();
    else port.postMessage(event.data);
  };
});
