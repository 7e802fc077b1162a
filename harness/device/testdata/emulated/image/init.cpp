// Process 1 of the emulated device, compiled so that a boot under emulation spends no time on
// starting tools.
#include <arpa/inet.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <net/if.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void phone_prepare();
void phone_run();

static void complain(const char* what)
{
    fprintf(stderr, "init: %s: %m\n", what);
}

static void mount_at(const char* source, const char* target, const char* type, unsigned long flags = 0,
                     const char* options = nullptr)
{
    mkdir(target, 0755);
    if (mount(source, target, type, flags, options))
        complain(target);
}

static void make_dir(const char* path, mode_t mode, int id)
{
    mkdir(path, mode);
    if (chown(path, id, id) || chmod(path, mode))
        complain(path);
}

static void interface_up(const char* name, const char* address, const char* mask)
{
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    strcpy(request.ifr_name, name);
    auto* inet = (sockaddr_in*)&request.ifr_addr;
    inet->sin_family = AF_INET;
    inet_pton(AF_INET, address, &inet->sin_addr);
    if (ioctl(fd, SIOCSIFADDR, &request))
        complain(name);
    inet_pton(AF_INET, mask, &inet->sin_addr);
    ioctl(fd, SIOCSIFNETMASK, &request);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    ioctl(fd, SIOCSIFFLAGS, &request);
    close(fd);
}

static void mount_all()
{
    mount_at("proc", "/proc", "proc");
    mount_at("sysfs", "/sys", "sysfs");
    mount_at("dev", "/dev", "devtmpfs");
    const int console = open("/dev/console", O_RDWR);
    for (int fd = 0; fd < 3; fd++)
        dup2(console, fd);
    mount_at("devpts", "/dev/pts", "devpts", 0, "mode=620,ptmxmode=666");
    mount_at("tmpfs", "/dev/shm", "tmpfs");
    mount_at("tmpfs", "/tmp", "tmpfs", 0, "mode=1777");
    for (const char* module : {"failover", "net_failover", "virtio_net", "virtio_blk"})
    {
        const std::string file = std::string("/vendor/lib/modules/") + module + ".ko";
        const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
            complain(file.c_str());
        close(fd);
    }
    for (int i = 0; i < 500 && (access("/sys/class/net/eth0", F_OK) || access("/dev/vda", F_OK)); i++)
        usleep(10000);
    mount_at("/dev/vda", "/data", "ext4", MS_NOATIME | MS_NOSUID | MS_NODEV);
    make_dir("/data", 0755, 1000);
    make_dir("/data/local", 0751, 2000);
    make_dir("/data/local/tmp", 0771, 2000);
    make_dir("/data/local/emulated", 0771, 2000);
    make_dir("/data/local/emulated/dumpsys", 0771, 2000);
    make_dir("/data/property", 0755, 0);
    make_dir("/data/media", 0755, 0);
    make_dir("/data/media/0", 01777, 1015);
    mount_at("/data/media/0", "/sdcard", nullptr, MS_BIND);
    mount_at(nullptr, "/sdcard", nullptr, MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME);
}

// What the kernel's command line asks for.
struct Boot
{
    // The user that adbd runs as.
    const char* user = "2000";
    // The public key that may come by ssh, in base64; null: adbd runs.
    const char* ssh_key = nullptr;
};

// ro.* properties come anew at each boot, as from a bootloader.
static Boot read_command_line()
{
    static char line[4096];
    Boot boot;
    if (FILE* stream = fopen("/proc/cmdline", "re"))
    {
        if (!fgets(line, sizeof line, stream))
            line[0] = 0;
        fclose(stream);
    }
    FILE* props = fopen("/data/property/props", "we");
    if (!props)
    {
        complain("/data/property/props");
        return boot;
    }
    for (char* word = strtok(line, " \n"); word; word = strtok(nullptr, " \n"))
    {
        if (!strncmp(word, "androidboot.", 12))
        {
            fprintf(props, "ro.boot.%s\n", word + 12);
            if (!strncmp(word + 12, "serialno=", 9))
            {
                fprintf(props, "ro.%s\n", word + 12);
                if (sethostname(word + 21, strlen(word + 21)))
                    complain("hostname");
            }
        }
        else if (!strncmp(word, "prop.", 5))
            fprintf(props, "%s\n", word + 5);
        else if (!strcmp(word, "emulated.root=1"))
            boot.user = "0";
        else if (!strncmp(word, "emulated.ssh_key=", 17))
            boot.ssh_key = word + 17;
    }
    fclose(props);
    chmod("/data/property/props", 0666);
    return boot;
}

// A home on the disk that lets the key in.
static void prepare_home(const char* name, int id, const char* ssh_key)
{
    const std::string home = std::string("/data/home/") + name;
    const std::string ssh = home + "/.ssh";
    const std::string keys = ssh + "/authorized_keys";
    make_dir(home.c_str(), 0700, id);
    make_dir(ssh.c_str(), 0700, id);
    if (FILE* stream = fopen(keys.c_str(), "we"))
    {
        fprintf(stream, "ssh-ed25519 %s test\n", ssh_key);
        fclose(stream);
    }
    if (chown(keys.c_str(), id, id) || chmod(keys.c_str(), 0600))
        complain(keys.c_str());
}

// As a board is reached: dropbear, whose host key stays on the disk.
static void run_dropbear()
{
    clearenv();
    execl("/usr/sbin/dropbear", "dropbear", "-F", "-E", "-R", "-s", "-p", "22", nullptr);
    complain("dropbear");
}

static void run_adbd(const char* user)
{
    clearenv();
    for (const char* entry : {"PATH=/system/bin:/usr/bin", "ANDROID_ROOT=/system", "ANDROID_DATA=/data", "HOME=/",
                              "LC_ALL=C", "TERM=dumb", "TMPDIR=/data/local/tmp", "LD_PRELOAD=/system/lib64/libemulated.so"})
        putenv(strdup(entry));
    setenv("ADBD_UID", user, 1);
    execl("/usr/lib/android-sdk/platform-tools/adbd", "adbd", nullptr);
    complain("adbd");
}

int main()
{
    mount_all();
    const Boot boot = read_command_line();
    if (boot.ssh_key)
    {
        make_dir("/data/dropbear", 0700, 0);
        make_dir("/data/home", 0755, 0);
        prepare_home("pi", 1000, boot.ssh_key);
        prepare_home("root", 0, boot.ssh_key);
        mount_at("/data/home", "/home", nullptr, MS_BIND);
        make_dir("/var", 0755, 0);
        make_dir("/var/tmp", 01777, 0);
    }
    interface_up("lo", "127.0.0.1", "255.0.0.0");
    interface_up("eth0", "10.0.2.15", "255.255.255.0");
    phone_prepare();
    if (fork() == 0)
    {
        phone_run();
        _exit(0);
    }
    for (;;)
    {
        // As Android's init does: the daemon comes back when it dies.
        const pid_t daemon = fork();
        if (daemon == 0)
        {
            setsid();
            if (boot.ssh_key)
                run_dropbear();
            else
                run_adbd(boot.user);
            _exit(1);
        }
        int status = 0;
        // Reaps what the daemon's shells left behind, too.
        for (pid_t ended = wait(&status); ended != daemon && ended > 0; ended = wait(&status))
        {
        }
        sleep(1);
    }
}
