import pytest

from hornbook.evaluate.tasks.ball import BALL_TASK

from .cases import Cases, changed, check_cases

SPRITE = """
    from pygame.locals import KEYDOWN, KEYUP, K_DOWN, K_UP, QUIT
    import sys

    class Ball(pygame.sprite.Sprite):
        def __init__(self):
            super().__init__()
            self.image = pygame.Surface((40, 40), pygame.SRCALPHA)
            pygame.draw.circle(self.image, "red", (20, 20), 20)
            self.rect = self.image.get_rect(center=(200, 150))
            self.speed = 5

        def update(self, vertical):
            self.rect.x += self.speed
            self.rect.y += vertical
            if self.rect.right >= 400 or self.rect.left <= 0:
                self.speed *= -1
            self.rect.clamp_ip(pygame.Rect(0, 0, 400, 300))

    pygame.init()
    window = pygame.display.set_mode(size=(400, 300))
    pygame.display.set_caption("Ball")
    group = pygame.sprite.Group(Ball())
    clock, vertical = pygame.time.Clock(), 0
    while True:
        for event in pygame.event.get():
            if event.type == QUIT:
                pygame.quit()
                sys.exit()
            if event.type == KEYDOWN and event.key == K_UP:
                vertical = -4
            elif event.type == KEYDOWN and event.key == K_DOWN:
                vertical = 4
            elif event.type == KEYUP and event.key in (K_UP, K_DOWN):
                vertical = 0
        group.update(vertical)
        window.fill(pygame.Color("white"))
        group.draw(window)
        pygame.display.update()
        clock.tick(60)
"""
VECTORS = """
    from pygame import Vector2, display, draw, event, key
    window = display.set_mode((400, 300))
    background = pygame.Surface(window.get_size())
    background.fill((255, 255, 255))
    position, velocity = Vector2(200, 150), Vector2(5, 0)
    clock = pygame.time.Clock()
    done = False
    while not done:
        happened = event.poll()
        while happened.type != pygame.NOEVENT:
            done = done or happened.type == pygame.QUIT
            happened = event.poll()
        pressed = key.get_pressed()
        velocity.y = 4 * (pressed[pygame.K_DOWN] - pressed[pygame.K_UP])
        position += velocity
        position.y = max(20, min(position.y, window.get_height() - 20))
        if not 20 < position.x < window.get_width() - 20:
            velocity.x = -velocity.x
        window.blit(background, (0, 0))
        draw.ellipse(window, "#ff0000", pygame.Rect(position.x - 20, position.y - 20, 40, 40))
        display.flip()
        clock.tick_busy_loop(60)
    pygame.quit()
"""
RECTANGLE = """
    WIDTH, HEIGHT = 400, 300
    WHITE, RED = (255, 255, 255), (255, 0, 0)
    pygame.init()
    screen = pygame.display.set_mode([WIDTH, HEIGHT])
    pygame.display.set_caption("Ball")
    font = pygame.font.SysFont("Arial", 20)
    ball = pygame.Rect(WIDTH // 2 - 20, HEIGHT // 2 - 20, 40, 40)
    dx = 5
    clock = pygame.time.Clock()
    pygame.display.flip()
    while True:
        for event in pygame.event.get():
            if event.type == pygame.QUIT:
                pygame.quit()
                return
        keys = pygame.key.get_pressed()
        if keys[pygame.K_UP] and ball.top > 0:
            ball.y -= 4
        if keys[pygame.K_DOWN] and ball.bottom < HEIGHT:
            ball.y += 4
        ball.x += dx
        if ball.left <= 0 or ball.right >= WIDTH:
            dx *= -1
        screen.fill(WHITE)
        pygame.draw.circle(screen, RED, ball.center, 20)
        pygame.display.update()
        clock.tick(60)
"""
FLAGS = """
    import pygame as pg, sys
    pg.display.init()
    win = pg.display.set_mode((400, 300), pg.RESIZABLE)
    x = 200; y = 150
    direction = 1
    up = down = False
    run = True
    while run:
        pg.time.delay(16)
        for e in pg.event.get():
            if e.type == pg.QUIT: run = False
            elif e.type == pg.KEYDOWN:
                if e.key == pg.K_UP: up = True
                if e.key == pg.K_DOWN: down = True
            elif e.type == pg.KEYUP:
                if e.key == pg.K_UP: up = False
                if e.key == pg.K_DOWN: down = False
        x += 5 * direction
        if x + 20 > 400 or x - 20 < 0: direction = -direction
        if up and y - 4 >= 20: y -= 4
        if down and y + 4 <= 280: y += 4
        pg.draw.rect(win, (255,255,255), (0,0,400,300))
        pg.draw.circle(win, pg.Color(255,0,0), (int(x), int(y)), 20, 0)
        pg.display.flip()
    pg.quit()
    sys.exit(0)
"""
GAME_CLASS = """
    class Game:
        def __init__(self):
            pygame.init()
            self.screen = pygame.display.set_mode((400, 300))
            self.clock = pygame.time.Clock()
            self.pos = [200, 150]; self.vel = 5
        def draw(self):
            self.screen.fill('white')
            pygame.draw.circle(self.screen, 'red', self.pos, 20)
            pygame.display.flip()
        def run(self):
            self.draw()
            while not pygame.event.get(pygame.QUIT):
                pygame.event.pump()
                k = pygame.key.get_pressed()
                self.pos[0] += self.vel
                self.pos[1] = min(280, max(20, self.pos[1] + (k[pygame.K_DOWN] - k[pygame.K_UP]) * 4))
                if self.pos[0] in (20, 380): self.vel = -self.vel
                self.draw()
                self.clock.tick(60)
            quit()
    Game().run()
"""


def wrong(*replacements: tuple[str, str]) -> str:
    return changed(BALL_TASK.reference, *replacements)


BORDER = "        if x >= 380 or x <= 20:\n            speed = -speed\n"
KEYS = {"up key moves it up", "down key moves it down"}
MOVING = {"turns round at both borders", *KEYS, "stays in the window"}
EVERYTHING = {check.name for check in BALL_TASK.checks if check.level != "parses"}


@pytest.mark.slow
def test_ball() -> None:
    check_cases(
        Cases(
            BALL_TASK,
            [SPRITE, VECTORS, RECTANGLE, FLAGS, GAME_CLASS],
            [
                (wrong(("(400, 300)", "(300, 400)")), {"window of 400 by 300"}),
                (wrong(("        screen.fill((255, 255, 255))\n", "")), {"white background in every frame"}),
                (wrong(("(255, 255, 255)", "(0, 0, 0)")), {"white background in every frame"}),
                (wrong(("(255, 0, 0), (x, y), 20)", "(0, 0, 255), (x, y), 20)")), {"red ball of radius 20"}),
                (wrong(("(x, y), 20)", "(x, y), 40)")), {"red ball of radius 20"}),
                (wrong(("x, y, speed = 200, 150, 5", "x, y, speed = 100, 110, 5")), {"begins in the middle"}),
                (wrong(("200, 150, 5", "200, 150, 3")), {"5 pixels a frame"}),
                (wrong((BORDER, "")), {"turns round at both borders"}),
                (wrong(("x >= 380 or x <= 20", "x >= 380 or x <= -20")), {"turns round at both borders"}),
                (wrong(("y - 4", "y + 4"), ("max(20", "min(280")), {"up key moves it up", "stays in the window"}),
                (wrong(("K_UP", "K_SPACE"), ("K_DOWN", "K_UP"), ("K_SPACE", "K_DOWN")), KEYS),
                (wrong(("max(20, y - 4)", "y - 4"), ("min(280, y + 4)", "y + 4")), {"stays in the window"}),
                (wrong(("        clock.tick(60)\n", "")), {"60 frames per second"}),
                (wrong(("tick(60)", "tick(30)")), {"60 frames per second"}),
                (
                    wrong(("pygame.QUIT", "pygame.KEYDOWN")),
                    {"ends when the window is closed", *KEYS, "stays in the window"},
                ),
                (
                    wrong(("        pygame.display.flip()\n", "")),
                    EVERYTHING - {"runs", "window of 400 by 300"},
                ),
                (
                    wrong(
                        ("set_mode((400, 300))", "set_mode(400, 300)"),
                        ("pygame.draw.circle(screen, (255, 0, 0), (x, y), 20)", "pass"),
                    ),
                    EVERYTHING,
                ),
                (
                    wrong(
                        (
                            "pygame.draw.circle(screen, (255, 0, 0), (x, y), 20)",
                            "pygame.draw.circle((255, 0, 0), (x, y), 20)",
                        )
                    ),
                    EVERYTHING,
                ),
            ],
        )
    )
