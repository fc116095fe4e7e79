{
  # The addon is built by CMake. This target makes node-gyp, `npm rebuild` and Electron's
  # tooling do that; it compiles nothing itself.
  "targets": [
    {
      "target_name": "grpo_native",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake",
          "inputs": ["CMakeLists.txt"],
          "outputs": ["build/native/Release/grpo_native.node"],
          "action": ["node", "scripts/build-native.mjs"]
        }
      ]
    }
  ]
}
