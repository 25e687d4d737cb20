/** Why there is no gpu pool, and what to do about it. */
export const NO_ADAPTER = "this machine has no WebGPU adapter. On Debian, apt-get install " +
  "libvulkan1 and the card's driver, or mesa-vulkan-drivers for one in software";
