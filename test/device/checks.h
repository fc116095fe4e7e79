// What the tests of the device itself do with it.
#pragma once

namespace test_device {

// Reads a tensor of the device through its pointer: the process ends.
float dereference();

// Gives an operation an index on the CPU: throws.
void mix_devices();

// The number that a copy to the host, not waited for, leaves for one who reads it at once, and after waiting.
struct EarlyRead {
  float at_once, after_waiting;
};
EarlyRead read_early();

// Overwrites the source of a copy to the device that nobody waited for: throws.
void write_early();

}  // namespace test_device
