// The device's memory. The addresses that tensors hold lie in a reservation that nobody may read or write, so
// a host that uses one as a pointer ends by SIGSEGV at the line that did it. The numbers lie elsewhere, and
// only the device knows where.
#pragma once
#include <c10/core/Allocator.h>
#include <c10/core/Storage.h>

#include <cstddef>

namespace test_device {

constexpr auto kType = c10::DeviceType::PrivateUse1;

c10::Allocator* allocator();

// Where the host finds the storage's numbers; null where it has none.
void* numbers_of(const c10::Storage& storage);

// Allocations that would take more than `bytes` in all throw c10::OutOfMemoryError. 0: kCapacity.
void limit_memory(size_t bytes);

size_t bytes_allocated();

}  // namespace test_device
