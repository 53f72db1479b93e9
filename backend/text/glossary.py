"""Terms that stay in English in every translation. Pure.

Names of products, standards and formats, and abbreviations that readers search for and type. A book
adds its own (see ``adapters/glossary.py``).
"""

from __future__ import annotations

DEFAULT_TERMS: tuple[str, ...] = tuple(
    """\
ROS 2, ROS2, ROS, rclpy, rclcpp, colcon, ament, tf2, Nav2, MoveIt, MoveIt 2, RViz, RViz2, rqt,
rosbag, rosbag2, DDS, QoS, URDF, SDF, Xacro, MJCF, USD, OpenUSD, Gazebo, Gazebo Sim,
Gazebo Classic, Unreal Engine, MuJoCo, PyBullet, NVIDIA, NVIDIA Isaac, Isaac Sim, Isaac ROS,
Isaac Lab, Isaac Gym, Omniverse, Jetson, Jetson Orin, Jetson Nano, CUDA, TensorRT, GR00T,
SLAM, VSLAM, IMU, LiDAR, RGB-D, GPS, GNSS, PID, MPC, LQR, EKF, UKF, IK, FK, DOF, DoF, ZMP,
CoM, RTOS, CAN, I2C, SPI, UART, PWM, LLM, LLMs, VLM, VLMs, VLA, VLAs, GPT, PyTorch,
TensorFlow, ONNX, OpenCV, YOLO, NumPy, Hugging Face, OpenAI, CNN, RNN, LSTM, RL, PPO, SAC,
DQN, RAG, API, SDK, CPU, GPU, TPU, RAM, SSD, USB, HTTP, HTTPS, JSON, YAML, XML, TCP, UDP,
MQTT, WebSocket, Python, C++, Linux, Ubuntu, Docker, Kubernetes, Git, GitHub, Raspberry Pi,
Arduino, Unitree, Boston Dynamics, TurtleBot, TurtleBot3, RealSense,
Intel RealSense, Node.js""".replace(",\n", ", ").split(", ")
)

MAX_TERMS = 1_000
MAX_TERM_CHARS = 80


def parse_terms(text: str) -> tuple[str, ...]:
    """The terms of a glossary file: one a line; a line that begins with ``#`` is a comment.

    Lines longer than 80 characters are no terms; at most 1,000 are taken.
    """
    lines = (" ".join(line.split()) for line in text.splitlines())
    terms = (line for line in lines if line[:1] != "#" and 0 < len(line) <= MAX_TERM_CHARS)
    return tuple(dict.fromkeys(terms))[:MAX_TERMS]
