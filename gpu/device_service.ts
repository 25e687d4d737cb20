import { type Actor, StatelessActor } from "../src/actor/actor.ts";
import { type ActorType, callableMethods, RUNTIME_MODULE } from "../src/actor/actor_type.ts";
import { DeviceRef } from "../src/actor/device_ref.ts";
import { KEPT, Kept, keptOf, ownerType } from "./device_owner.ts";
import { disposed, SlotStore } from "./device_store.ts";
import { fetchSlot, type Where } from "./fetch.ts";
import type { GpuResource } from "./gpu_resource.ts";

/** Keeps what is brought to the device of its pool. */
export class DeviceService extends StatelessActor {
  readonly [KEPT]: object;
  readonly #store: SlotStore;

  constructor(resource: GpuResource) {
    super();
    const store = new SlotStore(resource);
    this.#store = store;
    this[KEPT] = new Kept(store, () => this.context);
  }

  /** What `DeviceRef.to` calls. */
  async bring(ref: unknown): Promise<DeviceRef> {
    if (!(ref instanceof DeviceRef)) throw new TypeError("bring takes a DeviceRef");
    const { context } = this;
    const holder = keptOf(this).holders.current;
    const { resource } = this.#store;
    const gpu = await resource.ready();
    const where: Where = [`DeviceRef ${ref.id}`, ""];
    if (ref.state === "disposed") disposed(...where);
    const here = ref.isIn(context.address) ? resource.get(ref.id) ?? disposed(...where) : null;
    here?.use(); // says so if it is lost
    const slot = here?.retain() ?? await fetchSlot(gpu, ref, where);
    if (ref.state === "moved") ref.dispose();
    return context.deviceRef({ ...this.#store.keep(slot, holder), state: "made" });
  }
}

/** Not made by name: every gpu pool makes its only one. */
export const DEVICE_SERVICE_TYPE: ActorType = ownerType<DeviceService, unknown[]>({
  name: { module: RUNTIME_MODULE, export: "DeviceService", name: "DeviceService", version: "" },
  home: "gpu",
  // How long it takes to bring data is up to its source.
  slowCallMs: Infinity,
  methods: callableMethods(DeviceService as never),
  create: () => {
    throw new TypeError("A gpu pool has one DeviceService");
  },
}) as ActorType<Actor>;
