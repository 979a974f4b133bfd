from gevent import monkey; monkey.patch_all()  # noqa: E702, I001  # before any socket or thread is made

from komando.rollout.worker import main

if __name__ == "__main__":
    main()
