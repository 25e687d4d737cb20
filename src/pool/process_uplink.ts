import type { Codec } from "../core/codec.ts";
import { MESSAGE_BYTES } from "../link/bulk.ts";
import { ByteSocket } from "../link/byte_socket.ts";
import type { Link } from "../link/link.ts";
import { webSocketLink } from "../link/websocket.ts";
import { knock } from "./process_door.ts";
import type { SocketUplink } from "./process_protocol.ts";

/** Connects a worker of a child process to the host; it may do nothing more after that than its actors may. */
export async function connectToHost(
  { key, revoke }: SocketUplink,
): Promise<(codec: Codec) => Link> {
  const connection = await knock(key, "frames");
  for (const permission of revoke) Deno.permissions.revokeSync(permission);
  return (codec) => socketLink(connection, codec);
}

/** A link over a connection between a host and its child. */
export function socketLink(connection: Deno.Conn, codec: Codec): Link {
  return webSocketLink(new ByteSocket(connection, MESSAGE_BYTES), codec);
}
