# Tries to get out of wherever it runs and prints what came of each try, one line a try: NAME=ok or NAME=ERRNO.
use strict;
use warnings;
use Errno;
use Socket;

my %numbers = map { split /=/ } split /,/, shift @ARGV;
my ($file, $port, $abstract, $path, $pid) = @ARGV;
my %names = map { (eval "&Errno::$_()" // -1) => $_ } keys %Errno::;

sub told { my ($what, $got) = @_; print "$what=", ($got ? 'ok' : ($names{ $! + 0 } // $! + 0)), "\n" }
sub call { my ($what, @args) = @_; $! = 0; told($what, syscall($numbers{$what}, @args) != -1) }

told('read_file', open(my $f, '<', $file));
told('read_shadow', open(my $s, '<', '/etc/shadow'));
told('write_usr', open(my $u, '>', '/usr/.belay-escape'));
told('write_etc', open(my $e, '>', '/etc/.belay-escape'));
unlink '/usr/.belay-escape', '/etc/.belay-escape';
told('cgroups', opendir(my $c, '/sys/fs/cgroup'));
told('docker', -e '/var/run/docker.sock' || -e '/run/dbus');

told('environ', open(my $p, '<', "/proc/$pid/environ"));
told('kill', kill(0, $pid));

socket(my $tcp, AF_INET, SOCK_STREAM, 0);
told('loopback', connect($tcp, pack_sockaddr_in($port, inet_aton('127.0.0.1'))));
socket(my $un, AF_UNIX, SOCK_STREAM, 0);
told('abstract', connect($un, pack_sockaddr_un("\0$abstract")));
socket(my $up, AF_UNIX, SOCK_STREAM, 0);
told('unix_path', connect($up, pack_sockaddr_un($path)));
told('raw', socket(my $r, AF_INET, SOCK_RAW, 1));
told('packet', socket(my $k, 17, SOCK_RAW, 0));
told('vsock', socket(my $v, 40, SOCK_STREAM, 0));
told('alg', socket(my $a, 38, 5, 0));
told('netlink_audit', socket(my $n, 16, SOCK_RAW, 9));
told('netlink_route', socket(my $l, 16, SOCK_RAW, 0));

my ($none, $slash, $tmpfs) = ("none\0", "/tmp\0", "tmpfs\0");
my $zeros = "\0" x 128;
call('mount', $none, $slash, $tmpfs, 0, 0);
open(my $net, '<', '/proc/self/ns/net');
call('setns', fileno($net), 0);
# An array of one number.
my $map = pack('L4', 2, 4, 4, 1) . $zeros;
call('bpf', 0, $map, 72);
call('keyctl', 0, -3, 1);
# For its own memory and without the kernel's: what an ordinary user may.
call('userfaultfd', 1);
call('io_uring_setup', 8, $zeros);
my $clock = pack('LLQQQQQ', 1, 64, 0, 0, 0, 0, 0b1100001) . $zeros;
call('perf_event_open', $clock, 0, -1, -1, 0);
call('personality', 0x0400000);
# Each in a child: what it got would change what comes after.
for my $flag (0x10000000, 0x00020000, 0x20000000, 0x40000000) {
  my $child = fork;
  if (!defined $child) { print "unshare_", sprintf('%x', $flag), "=nofork\n"; next }
  if ($child == 0) { $! = 0; exit(syscall($numbers{unshare}, $flag) == -1 ? $! + 0 : 0) }
  waitpid $child, 0;
  $! = $? >> 8;
  told(sprintf('unshare_%x', $flag), $? == 0);
}
# A letter typed at its own terminal, as if a person had.
sub typed {
  # The terminal hangs up as soon as nobody controls it.
  $SIG{HUP} = 'IGNORE';
  open(my $control, '+<', '/dev/ptmx') or return -1;
  my ($unlocked, $number, $letter) = (pack('i', 0), pack('i', 0), 'x');
  ioctl($control, 0x40045431, $unlocked) && ioctl($control, 0x80045430, $number) or return -1;
  syscall($numbers{setsid});
  open(my $terminal, '+<', '/dev/pts/' . unpack('i', $number)) or return -1;
  return syscall($numbers{ioctl}, fileno($terminal), 0x5412, $letter);
}
for my $last (['chroot', $slash], ['ptrace', 0, 0, 0, 0], ['clone3', $zeros, 88], ['tiocsti']) {
  my ($what, @args) = @$last;
  my $child = fork // die;
  if ($child == 0) { $! = 0; exit(($what eq 'tiocsti' ? typed() : syscall($numbers{$what}, @args)) == -1 ? $! + 0 : 0) }
  waitpid $child, 0;
  $! = $? >> 8;
  told($what, $? == 0);
}
opendir(my $d, '/proc/self/fd') or die;
my %own = map { fileno($_) => 1 } grep { defined $_ && defined fileno($_) } ($f, $s, $p, $net, $tcp, $un, $up, $r, $k, $v, $a, $n, $l);
my @open = grep { /^\d+$/ && $_ > 2 && !$own{$_} && (readlink("/proc/self/fd/$_") // '') !~ m{^(/proc/\d+/fd|.*escape-attempts.pl)$} } readdir $d;
print 'descriptors=', join('+', sort @open) || 'none', "\n";
print 'environment=', join('+', sort keys %ENV), "\n";
exit 0;
